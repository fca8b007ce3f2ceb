"""Top-level blocks of HCL, found by their formatting: a block ends with a brace in the first column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class BlockText(NamedTuple):
    """One block: its labels, its text between the braces, the line it begins in."""

    labels: tuple[str, ...]
    text: str
    line: int


def blocks(text: str, kind: str) -> Iterator[BlockText]:
    """Blocks of one kind. What `terraform fmt` would rewrite may be missed; SM301 reports that."""
    pattern = re.compile(rf'^{kind}((?:\s+"[^"]*")*)\s*\{{(.*?)^\}}', re.MULTILINE | re.DOTALL)
    for found in pattern.finditer(text):
        labels = tuple(re.findall(r'"([^"]*)"', found[1]))
        yield BlockText(labels, found[2], text.count("\n", 0, found.start()) + 1)


def map_keys(text: str, name: str = "value") -> list[str]:
    """Keys of the object that an argument is set to."""
    found = re.search(rf"^(\s*){name}\s*=\s*\{{\n(.*?)^\1\}}", text, re.MULTILINE | re.DOTALL)
    if not found:
        return []
    indent = len(found[1]) + 2
    return re.findall(rf"^ {{{indent}}}(\w+)\s*=", found[2], re.MULTILINE)
