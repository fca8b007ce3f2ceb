"""merge3(base, ours, theirs): a three-way merge by `git merge-file`, which everybody knows."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from msgspec import Struct


class Merge(Struct, frozen=True):
    """The merged bytes; when it is not `clean`, what is proposed and why it could not be merged."""

    content: bytes
    clean: bool
    reason: str = ""


def merge3(base: bytes, ours: bytes, theirs: bytes) -> Merge:
    """Merge what `ours` and `theirs` each changed of `base`.

    Files that git takes for binary (a NUL byte), and machines without git or without room for
    temporary files, give a merge that is not clean, with `theirs` as content: it is only proposed.
    """
    try:
        return _merge(base, ours, theirs)
    except FileNotFoundError:
        return Merge(theirs, clean=False, reason="git is not on PATH, so nothing could be merged")
    except OSError as problem:
        return Merge(theirs, clean=False, reason=f"nothing could be merged: {problem.strerror}")


def _merge(base: bytes, ours: bytes, theirs: bytes) -> Merge:
    with tempfile.TemporaryDirectory(prefix="sm-merge-") as folder:
        names = []
        for name, content in (("yours", ours), ("base", base), ("generated", theirs)):
            path = Path(folder, name)
            path.write_bytes(content)
            names.append(name)
        command = ["git", "merge-file", "--stdout", "--diff3", *names]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    # git documents: the number of conflicts (at most 127) on success, 128 and above on error.
    if done.returncode >= 128:
        return Merge(theirs, clean=False, reason="both changed, and git does not merge a binary file")
    reason = "you and the new version changed the same lines" if done.returncode else ""
    return Merge(done.stdout, clean=not reason, reason=reason)
