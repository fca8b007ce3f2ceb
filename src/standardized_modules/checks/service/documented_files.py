"""Files that documents point to are there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of

ID = "SM518"
SEVERITY = "warning"
TITLE = "A document points to a file that is not there"
WHY = (
    "A dead link in a runbook is noticed when somebody needs it. Links and paths in code spans below the folders of "
    "the service are looked up; paths with a pattern in them are left alone."
)
SOURCE = "https://google.github.io/styleguide/docguide/best_practices.html"
FIX = "correct the path"
BAD = {"README.md": "See [the runbook](docs/runbooks.md).\n", "docs/runbook.md": "# Runbook\n"}
GOOD = {"README.md": "See [the runbook](docs/runbook.md).\n", "docs/runbook.md": "# Runbook\n"}
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)[^)]*\)")
_SPAN = re.compile(r"`((?:src|tests|deploy|docs|scripts|\.github)/[\w./-]*\w/?)`")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for links, relative to the document, and for paths from the root in code spans."""
    folders = {"/".join(path.split("/")[:end]) for path in tree for end in range(1, path.count("/") + 1)}
    for path in tree.glob("*.md"):
        base = posixpath.dirname(path)
        linked = {(target, posixpath.normpath(posixpath.join(base, target))) for target in _LINK.findall(tree[path])}
        spans = {(target, target.rstrip("/")) for target in _SPAN.findall(tree[path])}
        for written, target in sorted(linked | spans):
            if target not in tree and target not in folders:
                yield Finding(ID, path, line_of(tree[path], written), f"there is no {target}", FIX)
