"""Which managed files the team has edited or deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.service._records import lock_of, recorded
from standardized_modules.errors import WorkspaceError
from standardized_modules.stages.record import BASE, LOCK, read_previous

ID = "SM503"
SEVERITY = "info"
TITLE = "A managed file is not as sm wrote it"
WHY = (
    "Editing a managed file is allowed: upgrades merge the edit and keep it. It is worth knowing all the same, "
    "because each edit is a line that an upgrade may meet, and because an edit that nobody meant shows here first."
)
SOURCE = "https://git-scm.com/docs/git-merge-file"
FIX = "nothing, when the change is meant; otherwise restore the file from version control"
_WRITTEN = recorded({"Makefile": "test:\n\tpytest\n"})
BAD = {**_WRITTEN, "Makefile": "test:\n\tpytest --verbose\n"}
GOOD = _WRITTEN


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each managed file that differs from the lock."""
    lock = lock_of(tree)
    written = _modes(tree)
    for path, locked in lock.files.items() if lock else ():
        if locked.ownership != "managed":
            continue
        if path in tree.undecodable:
            yield Finding(ID, path, None, "edited since sm wrote it, and no text any more", FIX)
        elif path not in tree:
            yield Finding(ID, LOCK, None, f"{path} was deleted; an upgrade leaves it so", FIX)
        elif hashlib.sha256(tree[path].encode()).hexdigest() != locked.sha256:
            yield Finding(ID, path, None, "edited since sm wrote it; an upgrade merges the edit", FIX)
        elif tree.executable is not None and written.get(path, path in tree.executable) != (path in tree.executable):
            change = "lost its executable bit: `chmod +x`" if written[path] else "became executable: `chmod -x`"
            yield Finding(ID, path, None, f"{change} makes it as sm wrote it", FIX)


def _modes(tree: Tree) -> dict[str, bool]:
    """Whether sm wrote a managed file executable, by path; nothing when the records are damaged, which is SM502."""
    try:
        base = read_previous(tree[LOCK].encode(), tree[BASE].encode()).base
    except (KeyError, WorkspaceError):
        return {}
    return {path: file.executable for path, file in base if file.ownership == "managed"}
