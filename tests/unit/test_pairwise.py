"""The generator of the matrix covers what it says."""

from __future__ import annotations

import itertools
from typing import Any

from tests.generated.pairwise import Rule, cover

FACTORS = {"a": [1, 2, 3], "b": [1, 2, 3], "c": [1, 2], "d": [1, 2, 3]}


def test_every_pair_is_in_a_row() -> None:
    rows, impossible = cover(FACTORS, [])

    for one, two in itertools.combinations(FACTORS, 2):
        assert {(row[one], row[two]) for row in rows} == set(itertools.product(FACTORS[one], FACTORS[two]))
    assert impossible == set()
    assert len(rows) <= 10  # 9 would be perfect, all are 54


def test_rows_keep_the_rules_and_what_they_forbid_is_returned() -> None:
    rules = [Rule(("a", "b"), lambda row: row["a"] <= row["b"]), Rule(("b", "d"), lambda row: row["b"] != row["d"])]
    rows, impossible = cover(FACTORS, rules)

    def possible(row: dict[str, Any]) -> bool:
        return bool(row["a"] <= row["b"] != row["d"])

    every = [dict(zip(FACTORS, values, strict=True)) for values in itertools.product(*FACTORS.values())]
    assert all(possible(row) for row in rows)
    for one, two in itertools.combinations(FACTORS, 2):
        held = {(row[one], row[two]) for row in every if possible(row)}
        assert {(row[one], row[two]) for row in rows} == held, "what a row can hold, some row holds"
        forbidden = {(FACTORS[a][i], FACTORS[b][j]) for (a, i), (b, j) in impossible if (a, b) == (one, two)}
        assert forbidden == set(itertools.product(FACTORS[one], FACTORS[two])) - held


def test_rows_are_the_same_in_every_process() -> None:
    assert cover(FACTORS, []) == cover(FACTORS, [])
