"""Every alert leads to a section of the runbook that exists."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.kubernetes._manifests import Problem, findings
from standardized_modules.checks.kubernetes._rules import rule_sample, rules
from standardized_modules.checks.tree import Overlay

ID = "SM221"
SEVERITY = "error"
READS = ("deploy/kubernetes/*", "docs/runbook.md")
TITLE = "An alert without a runbook section"
WHY = "Whoever is paged at three in the morning needs the first command, not a search. A dead link costs minutes."
SOURCE = "https://sre.google/workbook/on-call/"
FIX = "write a `## AlertName` section in docs/runbook.md and link to its anchor in `runbook_url`"
_ALERT = (
    "{alert: PodsNotReady, expr: 'up == 0', labels: {severity: page}, annotations: "
    "{summary: s, runbook_url: 'https://example.com/docs/runbook.md#podsnotready'}}"
)
BAD = rule_sample(_ALERT, **{"docs/runbook.md": "# Runbook\n\n## Pods\n"})
GOOD = rule_sample(_ALERT, **{"docs/runbook.md": "# Runbook\n\n## PodsNotReady\n"})
RUNBOOK = "docs/runbook.md"


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for alerts, and for links inside the runbook that lead nowhere."""
    text = tree.get(RUNBOOK, "")
    anchors = {_anchor(title) for title in re.findall(r"^#{1,6} +(.+?) *$", text, re.MULTILINE)}
    yield from findings(tree, ID, FIX, lambda overlay: _inspect(overlay, anchors))
    for number, line in enumerate(text.splitlines(), start=1):
        for target in re.findall(r"\]\(#([^)]+)\)", line):
            if target not in anchors:
                yield Finding(ID, RUNBOOK, number, f"the link #{target} leads to no section", FIX)


def _inspect(overlay: Overlay, anchors: set[str]) -> Iterator[Problem]:
    for manifest, rule in rules(overlay):
        if "alert" not in rule:
            continue
        annotations, labels = rule.get("annotations") or {}, rule.get("labels") or {}
        url, _, anchor = annotations.get("runbook_url", "").partition("#")
        if not url.endswith(RUNBOOK) or anchor not in anchors:
            yield manifest, f"alert {rule['alert']}: runbook_url leads to no section of {RUNBOOK}"
        if not annotations.get("summary"):
            yield manifest, f"alert {rule['alert']} has no summary"
        if labels.get("severity") not in ("page", "ticket"):
            yield manifest, f"alert {rule['alert']}: severity is neither page nor ticket"


def _anchor(title: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
