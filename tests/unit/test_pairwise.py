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


def test_pairs_that_are_covered_are_not_asked_for_again() -> None:
    rows, impossible = cover(FACTORS, [], [{"a", "b", "d"}])

    for other in ("a", "b", "d"):
        assert {(row["c"], row[other]) for row in rows} == set(itertools.product(FACTORS["c"], FACTORS[other]))
    assert impossible == set()
    assert len(rows) == 6


def test_rules_that_leave_nothing_together_are_seen_before_everything_else_is_tried() -> None:
    """With 24 factors in between, the search would not end in a lifetime."""
    between = {f"m{number:02}": [1, 2, 3] for number in range(24)}
    together = [Rule(("a", "x"), lambda row: row["a"] == row["x"]), Rule(("x", "z"), lambda row: row["x"] != row["z"])]
    free = [Rule((name,), lambda _: True) for name in between]
    rows, impossible = cover({"a": [1, 2], "x": [1, 2], "z": [1, 2], **between}, [*together, *free])

    assert all(row["a"] == row["x"] != row["z"] for row in rows)
    assert len(impossible) == 6
