"""Actions are named by the commit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.workflow._workflows import jobs, sample, steps, workflows

ID = "SM403"
SEVERITY = "error"
TITLE = "An action is not pinned by commit"
WHY = (
    "A tag of an action can be moved to other code at any time, as happened to trivy-action in March 2026 "
    "(CVE-2026-33634): everybody who named the tag ran the attacker's code with their own secrets."
)
SOURCE = "https://docs.github.com/en/actions/reference/security/secure-use#using-third-party-actions"
FIX = "write the full commit and the version as a comment behind it; Dependabot keeps both up to date"
READS = (".github/*",)
_CHECKOUT = "uses: actions/checkout@REF\n        with:\n          persist-credentials: false"
BAD = sample(_CHECKOUT.replace("REF", "v7"))
GOOD = sample(_CHECKOUT.replace("REF", "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"))
_PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}|\./[\w./-]+|docker://[^@]+@sha256:[0-9a-f]{64}")
_COMMENT = re.compile(r"@[0-9a-f]{40}\s*$", re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each step and called workflow that may change, or whose version nobody can read."""
    for path, workflow in workflows(tree):
        used = {str(item["uses"]) for _, item in (*steps(workflow), *jobs(workflow)) if "uses" in item}
        for name in sorted(used):
            if not _PINNED.fullmatch(name):
                yield Finding(ID, path, line_of(tree[path], name), f"{name} is not a commit", FIX)
        for found in _COMMENT.finditer(tree[path]):
            line = tree[path].count("\n", 0, found.start()) + 1
            yield Finding(ID, path, line, "the version is not written behind the commit", FIX)
