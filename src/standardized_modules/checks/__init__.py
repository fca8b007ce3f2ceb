"""Checks over a service's files: one module each, found by folder.

A check is a module `checks/<layer>/<name>.py` with the constants of `Check` below and a function
`check(tree)`. Its BAD sample must give a finding and its GOOD sample none: they are its tests and
its documentation at once.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol, cast

from msgspec import Struct

from standardized_modules.checks.tree import Tree

Severity = Literal["error", "warning"]


class Finding(Struct, frozen=True):
    """Something wrong in a service: which check says so, where, what, and the way out."""

    check_id: str
    path: str
    line: int | None
    message: str
    fix: str


class Check(Protocol):
    """What every check module has."""

    ID: str
    SEVERITY: Severity
    TITLE: str
    WHY: str
    SOURCE: str
    FIX: str
    BAD: Mapping[str, str]
    GOOD: Mapping[str, str]

    def check(self, tree: Tree) -> Iterator[Finding]:
        """The findings of this check in a tree."""
        ...


def discover() -> tuple[Check, ...]:
    """Every check, sorted by id. A module whose name begins with `_` is not one."""
    checks: dict[str, Check] = {}
    for layer in pkgutil.iter_modules(__path__, f"{__name__}."):
        if not layer.ispkg:
            continue
        package = importlib.import_module(layer.name)
        for module in pkgutil.iter_modules(package.__path__, f"{layer.name}."):
            if module.name.rpartition(".")[2].startswith("_"):
                continue
            check = cast(Check, importlib.import_module(module.name))
            if check.ID in checks:
                raise ValueError(f"{check.ID} is the id of {checks[check.ID]} and of {check}")
            checks[check.ID] = check
    return tuple(checks[check_id] for check_id in sorted(checks))


__all__ = ["Check", "Finding", "Severity", "Tree", "discover"]
