"""The targets and scripts that the pipeline calls exist."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.service._make import MAKEFILE, unknown
from standardized_modules.checks.workflow._workflows import sample, steps, workflows

ID = "SM516"
SEVERITY = "error"
TITLE = "A workflow calls a target or a script that does not exist"
WHY = (
    "actionlint checks the workflow, make the Makefile, and nobody whether one fits the other: the step fails in "
    "the pipeline, for a deployment after the image is built and half of it is applied."
)
SOURCE = "https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsrun"
FIX = "name what exists, or add the target to the Makefile or the script to scripts/"
READS = (".github/*", "Makefile", "scripts/*")
_MAKE = "test:\n\tpytest\n"
BAD = {**sample("run: make tests"), MAKEFILE: _MAKE}
GOOD = {**sample("run: make test"), MAKEFILE: _MAKE}


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for the run blocks of every step, and for scripts that recipes of the Makefile call."""
    for path, workflow in workflows(tree):
        for _, step in steps(workflow):
            for part, message in unknown(tree, str(step.get("run", ""))):
                yield Finding(ID, path, line_of(tree[path], part), message, FIX)
    recipes = "\n".join(line for line in tree.get(MAKEFILE, "").splitlines() if line.startswith("\t"))
    for part, message in unknown(tree, recipes):
        if part.startswith("scripts/"):
            yield Finding(ID, MAKEFILE, line_of(tree[MAKEFILE], part), message, FIX)
