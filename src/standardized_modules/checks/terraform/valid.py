"""The Terraform core accepts the configuration, and every environment's values."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import sample
from standardized_modules.checks.terraform._session import session
from standardized_modules.terraform_offline import Diagnostic
from standardized_modules.terraform_offline.core import UNSERVED

ID = "SM302"
SEVERITY = "error"
TITLE = "Terraform refuses the configuration"
WHY = (
    "Misspelt arguments, missing blocks, dangling references, values that the provider refuses, and values of an "
    "environment that a validation refuses all stop a deployment half-way. The real core judges them here, with "
    "the schemas of the pinned providers or, with --online, the providers that `terraform init` has installed."
)
SOURCE = "https://developer.hashicorp.com/terraform/cli/commands/validate"
FIX = "correct the line; `terraform validate` says the same after `terraform init -backend=false`"
READS = ("deploy/terraform/*",)
BAD = sample('resource "aws_sqs_queue" "jobs" {\n  names = "jobs"\n}\n')
GOOD = sample('resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n')


def check(tree: Tree) -> Iterator[Finding]:
    """Diagnostics of the core, then environments that can't be applied to made-up infrastructure."""
    run = session(tree)
    for root in run.roots:
        problems = run.problems(root)
        if tree.online and all(each.summary.startswith(UNSERVED) for each in problems):
            real = run.online_problems(root)
            problems = problems if real is None else real
        for each in problems:
            yield _finding(tree, root, each)
    if any(each.summary.startswith(UNSERVED) for root in run.roots for each in run.problems(root)):
        return
    for applied in run.applied():
        for each in applied.errors:
            found = _finding(tree, applied.root, each)
            path = found.path if each.file else applied.var_file or found.path
            yield Finding(ID, path, found.line, f"can't be applied: {found.message}", FIX)


def _finding(tree: Tree, root: str, diagnostic: Diagnostic) -> Finding:
    path = f"{root}{diagnostic.file}" if diagnostic.file else ""
    if path not in tree:
        path = next(iter(tree.glob(f"{root}*.tf")))
    detail = " ".join(diagnostic.detail.split())
    return Finding(ID, path, diagnostic.line, f"{diagnostic.summary}{': ' if detail else ''}{detail}", FIX)
