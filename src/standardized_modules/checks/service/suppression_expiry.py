"""No suppression is kept beyond its day."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.suppressions import suppressions

ID = "SM506"
SEVERITY = "error"
DAILY = True
TITLE = "A suppression has expired"
WHY = (
    "Whoever wrote until=YYYY-MM-DD into a reason promised to look at it again by then: a fix that was to be "
    "released, a migration that was to be over. This check keeps the promise. A day that can't be read counts as over."
)
SOURCE = "https://trivy.dev/latest/docs/configuration/filtering/#by-inline-comments"
FIX = "remove the suppression and correct what the tool then finds, or give a new day with a new reason"
BAD = {"Dockerfile": "# hadolint ignore=DL3008 fixed by the next base image, until=2024-02-29\nRUN apt-get update\n"}
GOOD = {"Dockerfile": "# hadolint ignore=DL3008 fixed by the next base image, until=2999-12-31\nRUN apt-get update\n"}


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each suppression whose last day is over."""
    today = datetime.date.today()
    for each in suppressions(tree):
        if each.has_expired(today):
            yield Finding(ID, each.path, each.line, f"{each.tool} {each.rule} was silenced until {each.until}", FIX)
