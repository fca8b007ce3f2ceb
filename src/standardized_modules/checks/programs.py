"""Programs that checks run on a tree's files: write the files to a throw-away folder, run, read."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from standardized_modules.checks.tree import Tree, find_program

_TIMEOUT = 300
"""Seconds. The slowest, a scanner with a cold start, takes about ten."""


@contextlib.contextmanager
def on_disk(tree: Tree, *patterns: str) -> Iterator[Path]:
    """The files that match, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="sm-check-") as name:
        folder = Path(name)
        for path in {path for pattern in patterns for path in tree.glob(pattern)}:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(tree[path].encode())
        yield folder


def run(name: str, install: str, *arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder.

    Raises:
        ToolMissingError: with the command that installs it.
    """
    return subprocess.run(
        [find_program(name, install), *map(str, arguments)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )


def line_of(text: str, part: str) -> int | None:
    """The line in which a part of a text first stands."""
    at = text.find(part)
    return None if at < 0 else text.count("\n", 0, at) + 1
