"""Targets of the Makefile and scripts, and who calls them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks.tree import Tree

MAKEFILE = "Makefile"
_TARGET = re.compile(r"^([a-z][\w-]*)\s*:(?!=)", re.MULTILINE)
_MAKE = re.compile(r"(?<![\w-])make ([a-z][a-z0-9-]*)")
_SCRIPT = re.compile(r"(?<![\w/.-])(?:\./)?(scripts/[\w.-]+)")


def targets(tree: Tree) -> set[str]:
    """Targets that somebody may type."""
    return set(_TARGET.findall(tree.get(MAKEFILE, "")))


def unknown(tree: Tree, text: str) -> Iterator[tuple[str, str]]:
    """What a text calls that is not there, and what to say."""
    known = targets(tree)
    for name in sorted(set(_MAKE.findall(text))):
        if name not in known:
            yield f"make {name}", f"the Makefile has no target {name}"
    for path in sorted(set(_SCRIPT.findall(text))):
        if path not in tree:
            yield path, f"there is no {path}"
