"""Programs that checks run on a tree's files: write the files to a throw-away folder, run, read."""

from __future__ import annotations

import contextlib
import os
import site
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from standardized_modules.checks.tree import Tree, find_program

_SETTINGS = ("ACTIONLINT_", "CKV_", "HADOLINT_", "SHELLCHECK_", "YAMLLINT_", "ZIZMOR_")
"""How variables begin that change what these tools find."""
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
    return run_command(find_program(name, install), *arguments, folder=folder)


def run_command(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, without the settings that the user has for it elsewhere.

    What a tool is told in a home folder or by a variable would decide what this machine finds and no other,
    and would stand in no ledger.
    """
    with tempfile.TemporaryDirectory(prefix="sm-home-") as home:
        return subprocess.run(
            [*map(str, command)],
            cwd=folder,
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )


def _environment(home: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    cache = kept.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # of databases that take long to fetch
    python = {"PYTHONUSERBASE": site.getuserbase()}  # where `pip install --user` puts packages
    return kept | python | {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": cache}


def line_of(text: str, part: str) -> int | None:
    """The line in which a part of a text first stands."""
    at = text.find(part)
    return None if at < 0 else text.count("\n", 0, at) + 1
