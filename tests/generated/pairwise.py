"""Few rows that cover every pair of values, under the library's own rules.

`allpairspy` is not used: it asks its filter about half-filled rows, and a rule over four parameters has
no answer then, so it drops pairs without saying which. Here a rule is asked once about each combination of
its own values; a half-filled row is given up when some rule has no answer left, and a pair only when no
row at all can hold it: those are returned, so that a test can look at them.

A row costs seconds of checks, so each is the best of many, made in a random order from a fixed seed
(AETG's method: https://doi.org/10.1109/32.605761).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

Row = dict[str, Any]
Choice = tuple[str, int]
"""A factor with the index of one of its values."""
Pair = tuple[Choice, Choice]
Filled = dict[str, int]
"""A row by indexes, which may have gaps."""
TRIES = 100
"""Rows of which the best is taken. More find no better ones; 40 need four rows more of a hundred."""


class Rule(Struct, frozen=True):
    """What a row must satisfy."""

    names: tuple[str, ...]
    """Factors that it is about."""
    holds: Callable[[Row], bool]
    """Its answer, given a value for each of them."""


def cover(
    factors: Mapping[str, Sequence[Any]], rules: Sequence[Rule], covered: Sequence[Collection[str]] = ()
) -> tuple[list[Row], set[Pair]]:
    """Rows that contain every pair that a row can contain, and the pairs that none can.

    Args:
        factors: Values by name.
        rules: What every row satisfies.
        covered: Sets of factors whose pairs with each other are not asked for.
    """
    search = _Search(factors, rules, covered)
    rows = []
    while row := search.best_row():
        rows.append(row)
    return [{name: factors[name][at] for name, at in row.items()} for row in rows], search.impossible


class _Search:
    """Looks for rows, and knows what is not covered yet."""

    def __init__(
        self, factors: Mapping[str, Sequence[Any]], rules: Sequence[Rule], covered: Sequence[Collection[str]]
    ) -> None:
        self.impossible: set[Pair] = set()
        self._chance = random.Random(0)  # noqa: S311 the same rows in every process
        self._choices = {name: [(name, at) for at in range(len(factors[name]))] for name in sorted(factors)}
        self._waiting: dict[Choice, set[Choice]] = {one: set() for each in self._choices.values() for one in each}
        for a, b in itertools.permutations(self._choices, 2):
            if any(a in each and b in each for each in covered):
                continue
            for one in self._choices[a]:
                self._waiting[one].update(self._choices[b])
        self._allowed: dict[str, list[list[set[Choice]]]] = {}
        self._beside: dict[str, set[str]] = {}
        for rule in rules:
            every = itertools.product(*(self._choices[name] for name in rule.names))
            held = [set(row) for row in every if rule.holds({name: factors[name][at] for name, at in row})]
            for name in rule.names:
                self._allowed.setdefault(name, []).append(held)
                self._beside.setdefault(name, set()).update(rule.names)

    def best_row(self) -> Filled | None:
        """Of many rows the one that covers most of what waits; None when nothing waits."""
        found, most = None, 0
        for _ in range(TRIES):
            row = self._row_with_a_waiting_pair()
            gain = sum(len(self._waiting[choice] & row.items()) for choice in row.items()) if row else 0
            if gain > most:
                found, most = row, gain
        for one in (found or {}).items():
            self._waiting[one].difference_update((found or {}).items())
        return found

    def _row_with_a_waiting_pair(self) -> Filled | None:
        while ones := [one for one, others in self._waiting.items() if others]:
            one = self._chance.choice(ones)
            other = self._chance.choice(sorted(self._waiting[one]))
            if row := self._finished(dict([one, other])):
                return row
            self._waiting[one].remove(other)
            self._waiting[other].remove(one)
            self.impossible.add((min(one, other), max(one, other)))
        return None

    def _finished(self, row: Filled) -> Filled | None:
        """The row with its gaps filled; None when the rules leave no way."""
        if not all(self._is_possible(row, name) and self._leaves_a_way(row, name) for name in row):
            return None
        gaps = [name for name in self._choices if name not in row]
        self._chance.shuffle(gaps)
        # What stands in rules first: with everything else fixed, there would often be no way on.
        return self._filled(row, sorted(gaps, key=lambda name: name not in self._allowed))

    def _filled(self, row: Filled, gaps: Sequence[str]) -> Filled | None:
        if not gaps:
            return row
        name, *others = gaps
        choices = self._choices[name].copy()
        self._chance.shuffle(choices)
        for _, at in sorted(choices, key=lambda choice: -len(self._waiting[choice] & row.items())):
            tried = {**row, name: at}
            if (
                self._is_possible(tried, name)
                and self._leaves_a_way(tried, name)
                and (found := self._filled(tried, others))
            ):
                return found
        return None

    def _is_possible(self, row: Filled, name: str) -> bool:
        """Whether each rule about a factor still has an answer."""
        return all(
            any(all(row.get(other, at) == at for other, at in choices) for choices in held)
            for held in self._allowed.get(name, ())
        )

    def _leaves_a_way(self, row: Filled, name: str) -> bool:
        """Whether every gap that shares a rule with a factor can still be filled.

        Two rules may leave it nothing together; found only when its turn comes, that would send the search through
        everything that was filled in between.
        """
        return all(
            any(self._is_possible({**row, other: at}, other) for _, at in self._choices[other])
            for other in self._beside.get(name, ())
            if other not in row
        )
