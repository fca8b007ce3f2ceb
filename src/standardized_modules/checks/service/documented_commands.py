"""The commands in the documents exist."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.service._make import MAKEFILE, unknown

ID = "SM515"
SEVERITY = "error"
TITLE = "A document names a command that does not exist"
WHY = (
    "The README is the first thing that a newcomer types, the runbook the first thing that somebody types at night. "
    "A target that was renamed without them costs the one an hour and the other the incident."
)
SOURCE = "https://sre.google/sre-book/being-on-call/"
FIX = "name a target of the Makefile, or add it there"
READS = ("*.md", "Makefile", "scripts/*")
_MAKE = "test:\n\tpytest\n"
BAD = {"README.md": "Run `make tests`.\n", MAKEFILE: _MAKE}
GOOD = {"README.md": "Run `make test`, and do not make tests flaky.\n", MAKEFILE: _MAKE}
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for code in Markdown: blocks and spans."""
    for path in tree.glob("*.md") if MAKEFILE in tree else ():
        code = "\n".join(_CODE.findall(tree[path]))
        for part, message in unknown(tree, code):
            yield Finding(ID, path, line_of(tree[path], part), message, FIX)
