"""merge3(base, ours, theirs): a three-way merge by `git merge-file`, which everybody knows."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from msgspec import Struct


class Merge(Struct, frozen=True):
    """The merged bytes; `clean` is False when conflict markers stand in them."""

    content: bytes
    clean: bool


def merge3(base: bytes, ours: bytes, theirs: bytes) -> Merge:
    """Merge what `ours` and `theirs` each changed of `base`.

    Files that git takes for binary (a NUL byte) and machines without git give a merge that is
    not clean, with `ours` as content: nothing of the user's is touched.
    """
    with tempfile.TemporaryDirectory(prefix="sm-merge-") as folder:
        names = []
        for name, content in (("yours", ours), ("base", base), ("generated", theirs)):
            path = Path(folder, name)
            path.write_bytes(content)
            names.append(name)
        command = ["git", "merge-file", "--stdout", "--diff3", *names]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        except FileNotFoundError:
            return Merge(ours, clean=False)
    # git documents: the number of conflicts (at most 127) on success, 128 and above on error.
    if done.returncode >= 128:
        return Merge(ours, clean=False)
    return Merge(done.stdout, clean=done.returncode == 0)
