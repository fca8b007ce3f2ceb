"""Every suppression names a rule and a reason."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.suppressions import suppressions

ID = "SM505"
SEVERITY = "error"
TITLE = "A tool is told to look away from everything, or nobody knows why"
WHY = (
    "A suppression without a rule also hides what the tool learns to find next year. One without a reason is kept "
    "for ever, because nobody can judge whether it still holds. Both are how a clean report comes to mean nothing."
)
SOURCE = "https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html"
FIX = "name one rule and write the reason after it, or in the comment above: '# noqa: S104  a pod's own address'"
BAD = {"src/orders/settings.py": 'HOST = "0.0.0.0"  # noqa\n'}
GOOD = {"src/orders/settings.py": 'HOST = "0.0.0.0"  # noqa: S104  a pod\'s own address\n'}


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each wildcard, and for each suppression that gives no reason."""
    for each in suppressions(tree):
        if each.is_wildcard:
            yield Finding(ID, each.path, each.line, f"{each.tool} is silenced for everything", FIX)
        elif not each.has_reason:
            yield Finding(ID, each.path, each.line, f"{each.tool} {each.rule} is silenced without a reason", FIX)
