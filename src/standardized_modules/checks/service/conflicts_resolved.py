"""No conflict of an upgrade is left over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree

ID = "SM507"
SEVERITY = "error"
TITLE = "A conflict of the last upgrade is not resolved"
WHY = (
    "Where you and the new version changed the same lines, sm keeps your file and writes its proposal to "
    ".sm/conflicts. Until somebody has put the two together the service is half upgraded, and nothing else says so."
)
SOURCE = "https://git-scm.com/docs/git-merge#_how_conflicts_are_presented"
FIX = "put what you want of .sm/conflicts/FILE into FILE, then delete the proposal"
_FILE = "test:\n\tpytest\n"
_PROPOSAL = f"<<<<<<< yours\n{_FILE}=======\ntest:\n\tpytest -q\n>>>>>>> new\n"
BAD = {"Makefile": _FILE, ".sm/conflicts/Makefile": _PROPOSAL}
GOOD = {"Makefile": _FILE}
CONFLICTS = ".sm/conflicts/"
_MARKER = re.compile(r"^(?:<{7} .*|>{7} .*)$", re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each proposal, and for each file with a conflict marker in it."""
    for path, text in tree.items():
        if path.startswith(CONFLICTS):
            yield Finding(ID, path, None, f"the proposal for {path.removeprefix(CONFLICTS)} is still there", FIX)
        elif not path.startswith(".sm/") and (marker := _MARKER.search(text)):
            line = text[: marker.start()].count("\n") + 1
            yield Finding(ID, path, line, "a conflict marker stands in the file", FIX)
