"""Checks over a service's files: one module each, found by folder.

A check is a module `checks/<layer>/<name>.py` with the constants of `Check` below and a function
`check(tree)`. Its BAD sample must give a finding and its GOOD sample none: they are its tests and
its documentation at once. `index` reads the constants without importing a module: they are
literals, all but BAD and GOOD.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol, cast

from msgspec import Struct

from standardized_modules.checks.index import CheckInfo, index
from standardized_modules.checks.tree import ToolMissingError, Tree

Severity = Literal["error", "warning", "info"]
"""`info` is worth knowing and never fails a run."""


class Finding(Struct, frozen=True):
    """Something wrong in a service: which check says so, where, what, and the way out."""

    check_id: str
    path: str
    line: int | None
    message: str
    fix: str


class Check(Protocol):
    """What every check module has.

    It may also have, all literals:

    - `READS: tuple[str, ...]`, shell patterns (`*` also matches `/`) of the files that it reads. It is
      given no other file, and its result is kept until one of these changes. Default: every file.
    - `TOOL: str` and `INSTALL: str`, a program that it needs and the command that installs it. Without
      the program the check is reported as not run. So it is when `check` raises `ToolMissingError`.
    - `EXCLUSIVE = True`, it takes long: it is started first. (Checks never share a process with another
      one that runs at the same time, so none has to be safe for threads.)
    - `DAILY = True`, its result also depends on today's date.
    - `ONLINE = True`, it needs the network: without `--online` it is reported as not run. A check that
      can do more with it looks at `tree.online` instead.
    - `GUARD = True`, it judges the shape of what others read: where it finds something in a file that they read,
      they may stop (a number where a list belongs), and are reported as not run instead of crashed.
    """

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


def load(info: CheckInfo) -> Check:
    """The module of a check, imported now."""
    return cast(Check, importlib.import_module(info.module))


def discover() -> tuple[Check, ...]:
    """Every check, imported, sorted by id."""
    return tuple(load(info) for info in index())


__all__ = ["Check", "CheckInfo", "Finding", "Severity", "ToolMissingError", "Tree", "discover", "index", "load"]
