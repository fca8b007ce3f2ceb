"""The generator of the matrix covers what it says."""

from __future__ import annotations

import itertools
from typing import Any

from tests.generated.pairwise import cover

FACTORS = {"a": [1, 2, 3], "b": [1, 2, 3], "c": [1, 2], "d": [1, 2, 3]}
RELATED = {"a": ("a", "b"), "b": ("a", "b")}


def test_every_pair_is_in_a_row() -> None:
    rows, impossible = cover(FACTORS, lambda _row: True, {})

    for one, two in itertools.combinations(FACTORS, 2):
        assert {(row[one], row[two]) for row in rows} == set(itertools.product(FACTORS[one], FACTORS[two]))
    assert impossible == set()
    assert len(rows) <= 14  # 9 would be perfect, all are 54


def test_rows_keep_the_rules_and_what_they_forbid_is_returned() -> None:
    def ordered(row: dict[str, Any]) -> bool:
        return bool(row["a"] <= row["b"])

    rows, impossible = cover(FACTORS, ordered, RELATED)

    assert all(ordered(row) for row in rows)
    assert impossible == {(("a", 1), ("b", 0)), (("a", 2), ("b", 0)), (("a", 2), ("b", 1))}
    assert (3, 1) in {(row["a"], row["d"]) for row in rows}, "b gives way for the largest a"
