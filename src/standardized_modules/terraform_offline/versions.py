"""Provider version constraints, because the core does not check them against providers that it attaches to.

https://developer.hashicorp.com/terraform/language/expressions/version-constraints
"""

import operator
import re
from collections.abc import Callable

_TERM = re.compile(r"^(=|!=|>=|<=|>|<|~>)?\s*v?(\d+(?:\.\d+)*)(-[\w.-]+)?$")
_COMPARISONS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def satisfies(version: str, constraint: str) -> bool:
    """Whether a release version meets every comma-separated term; ValueError on a malformed constraint."""
    return all(_meets(_numbers(version), term.strip()) for term in constraint.split(",") if term.strip())


def _meets(version: tuple[int, ...], term: str) -> bool:
    parts = _TERM.match(term)
    if parts is None:
        raise ValueError(f"not a version constraint: {term!r}")
    if parts[3]:
        return False  # a prerelease is met by exactly that prerelease, and only releases are pinned
    bound = _numbers(parts[2])
    if parts[1] == "~>":
        return version >= bound and version[: _fixed(parts[2])] == bound[: _fixed(parts[2])]
    return _COMPARISONS[parts[1] or "="](version, bound)


def _fixed(bound: str) -> int:
    """How many leading numbers `~>` keeps: all but the last written one."""
    return max(bound.count("."), 1)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))
