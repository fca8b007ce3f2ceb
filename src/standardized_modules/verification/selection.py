"""Which checks run: ids (SM203), groups (SM2, SM2xx) and layers (kubernetes)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from standardized_modules.checks import CheckInfo
from standardized_modules.errors import UsageError


def select(checks: Sequence[CheckInfo], only: Iterable[str], skip: Iterable[str]) -> tuple[CheckInfo, ...]:
    """The checks that are asked for.

    Raises:
        UsageError: when a word names none, or none is left.
    """
    wanted = {check.id for word in only for check in _named(checks, word)} or {check.id for check in checks}
    unwanted = {check.id for word in skip for check in _named(checks, word)}
    chosen = tuple(check for check in checks if check.id in wanted - unwanted)
    if not chosen:
        raise UsageError("no check is left to run", hint="leave one of --only and --skip out")
    return chosen


def _named(checks: Sequence[CheckInfo], word: str) -> list[CheckInfo]:
    name = word.strip()
    start = re.sub(r"X+$", "", name.upper())
    named = [each for each in checks if each.layer == name.lower() or (start[:2] == "SM" and each.id.startswith(start))]
    if not named:
        layers = sorted({each.layer for each in checks})
        close = get_close_matches(name, [*(each.id for each in checks), *layers], n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise UsageError(
            f"there is no check {word!r}",
            hint=f"{hint}give an id (SM203), a group (SM2xx) or one of {', '.join(layers)}",
        )
    return named
