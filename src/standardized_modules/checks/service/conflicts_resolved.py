"""No conflict of an upgrade is left over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree

ID = "SM507"
SEVERITY = "error"
TITLE = "A conflict of the last upgrade is not resolved"
WHY = (
    "Where you and the new version changed the same lines, sm keeps your file and writes its proposal beside it. "
    "Until somebody has put the two together the service is half upgraded, and nothing else says so."
)
SOURCE = "https://git-scm.com/docs/git-merge#_how_conflicts_are_presented"
FIX = "put what you want of FILE.sm-new into FILE, then delete FILE.sm-new"
_FILE = "test:\n\tpytest\n"
BAD = {"Makefile": _FILE, "Makefile.sm-new": f"<<<<<<< yours\n{_FILE}=======\ntest:\n\tpytest -q\n>>>>>>> new\n"}
GOOD = {"Makefile": _FILE}
_MARKER = re.compile(r"^(?:<{7} .*|>{7} .*)$", re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each proposal, and for each file with a conflict marker in it."""
    for path, text in tree.items():
        if path.startswith(".sm/"):
            continue
        if path.endswith(".sm-new"):
            yield Finding(ID, path, None, f"the proposal for {path.removesuffix('.sm-new')} is still there", FIX)
        elif marker := _MARKER.search(text):
            line = text[: marker.start()].count("\n") + 1
            yield Finding(ID, path, line, "a conflict marker stands in the file", FIX)
