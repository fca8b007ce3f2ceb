"""Rows that cover every pair of values, under the library's own rules.

`allpairspy` is not used: it asks its filter about half-filled rows, and a rule over four parameters
has no answer then, so it drops pairs without saying which. Here a row begins as the defaults, which
are valid, and every change keeps it valid; what no row can contain is returned, so that a test can
look at it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
Pair = tuple[tuple[str, int], tuple[str, int]]
"""Two factors with the index of a value each."""


def cover(
    factors: Mapping[str, Sequence[Any]],
    is_valid: Callable[[Row], bool],
    related: Mapping[str, Iterable[str]],
) -> tuple[list[Row], set[Pair]]:
    """Rows that contain every pair that a valid row can contain, and the pairs that none can.

    Args:
        factors: Values by name. The first of each is its default; the row of all defaults is valid.
        is_valid: Whether a full row may be used.
        related: Factors that stand in a rule together with this one: what is changed to make room for it.
    """
    names = sorted(factors)
    waiting = {
        ((a, i), (b, j))
        for a, b in itertools.combinations(names, 2)
        for i in range(len(factors[a]))
        for j in range(len(factors[b]))
    }
    rows: list[dict[str, int]] = []
    impossible: set[Pair] = set()

    def valid(row: Mapping[str, int]) -> bool:
        return is_valid({name: factors[name][at] for name, at in row.items()})

    while waiting:
        seed = min(waiting)
        row = _with_pair(dict.fromkeys(names, 0), seed, factors, related, valid)
        if row is None:
            impossible.add(seed)
            waiting.discard(seed)
            continue
        fixed = {seed[0][0], seed[1][0]}
        for name in sorted(names, key=lambda each: -_open(each, waiting)):
            if name not in fixed:
                row = _best(row, name, len(factors[name]), waiting, valid)
        waiting -= _pairs(row)
        rows.append(row)
    return [{name: factors[name][at] for name, at in row.items()} for row in rows], impossible


def _with_pair(
    row: dict[str, int],
    pair: Pair,
    factors: Mapping[str, Sequence[Any]],
    related: Mapping[str, Iterable[str]],
    valid: Callable[[Mapping[str, int]], bool],
) -> dict[str, int] | None:
    """The first valid row with this pair: its neighbours in rules give way, in every combination."""
    row = {**row, **dict(pair)}
    if valid(row):
        return row
    near = sorted({name for factor, _ in pair for name in related.get(factor, ())} - {factor for factor, _ in pair})
    for values in itertools.product(*(range(len(factors[name])) for name in near)):
        candidate = {**row, **dict(zip(near, values, strict=True))}
        if valid(candidate):
            return candidate
    return None


def _best(
    row: dict[str, int], name: str, count: int, waiting: set[Pair], valid: Callable[[Mapping[str, int]], bool]
) -> dict[str, int]:
    """The row with the value of one factor that covers most of what waits."""

    def gain(option: dict[str, int]) -> int:
        return sum(_pair(name, option[name], b, at) in waiting for b, at in option.items() if b != name)

    options = sorted(({**row, name: at} for at in range(count)), key=gain, reverse=True)
    return next((each for each in options if valid(each)), row)


def _pair(a: str, i: int, b: str, j: int) -> Pair:
    return ((a, i), (b, j)) if a < b else ((b, j), (a, i))


def _pairs(row: Mapping[str, int]) -> set[Pair]:
    return {_pair(a, row[a], b, row[b]) for a, b in itertools.combinations(sorted(row), 2)}


def _open(name: str, waiting: set[Pair]) -> int:
    return sum(name in (a, b) for (a, _), (b, _) in waiting)
