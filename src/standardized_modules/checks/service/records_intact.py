"""The records of sm belong to this service and to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.service._records import SPEC, recorded
from standardized_modules.errors import WorkspaceError
from standardized_modules.stages.record import BASE, LOCK, read_previous

ID = "SM502"
SEVERITY = "error"
READS = ("sm.yaml", ".sm/*")
TITLE = "The records in .sm are damaged or of another service"
WHY = (
    "An upgrade merges your edits with the new version, three ways, and .sm/base.tar is the third side. With a "
    "base that is damaged, or was copied from another service, every line of the service looks like an edit."
)
SOURCE = "https://git-scm.com/docs/git-merge-file"
FIX = "restore the folder .sm from version control"
_FILES = {"Makefile": "test:\n\tpytest\n"}
_SPEC = {SPEC: "name: orders\n"}
BAD = _SPEC | recorded(_FILES, service="payments")
GOOD = _SPEC | recorded(_FILES)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings when there are records; a service without any is its team's choice."""
    if LOCK not in tree and BASE not in tree:
        return
    for path, other in ((LOCK, BASE), (BASE, LOCK)):
        if path not in tree:
            yield Finding(ID, other, None, f"{path} is missing or is not what sm wrote", FIX)
            return
    try:
        base = read_previous(tree[LOCK].encode(), tree[BASE].encode()).base
    except WorkspaceError as problem:
        yield Finding(ID, problem.where or LOCK, None, problem.message, FIX)
        return
    yield from _foreign(tree)
    lost = [path for path, file in base if file.ownership == "managed" and not _is_locked(tree, file.digest)]
    for path in lost:
        yield Finding(ID, BASE, None, f"{path} in the base is not the one that {LOCK} names", FIX)


def _is_locked(tree: Tree, digest: str) -> bool:
    return f'"{digest}"' in tree[LOCK]


def _foreign(tree: Tree) -> Iterator[Finding]:
    """The names in the spec and in the lock differ."""
    spec = re.search(r"^name:\s*['\"]?([\w-]+)", tree.get(SPEC, ""), re.MULTILINE)
    lock = re.search(r'^  "service":\s*"([\w-]+)"', tree[LOCK], re.MULTILINE)
    if spec and lock and spec[1] != lock[1]:
        line = tree[LOCK][: lock.start()].count("\n") + 1
        yield Finding(ID, LOCK, line, f"the records are those of {lock[1]}, the service is {spec[1]}", FIX)
