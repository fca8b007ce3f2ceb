"""The Terraform core accepts the configuration, and every environment's values."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import sample
from standardized_modules.checks.terraform._session import session
from standardized_modules.terraform_offline import Diagnostic

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
        if tree.online and not problems:
            problems = run.online_problems(root) or []
        for each in problems:
            yield _finding(tree, root, each)
    for applied in run.applied():
        if applied.error:
            path = applied.var_file or next(iter(tree.glob(f"{applied.root}*.tf")))
            yield Finding(ID, path, None, f"can't be applied: {applied.error}", FIX)


def _finding(tree: Tree, root: str, diagnostic: Diagnostic) -> Finding:
    path = f"{root}{diagnostic.file}" if diagnostic.file else ""
    if path not in tree:
        path = next(iter(tree.glob(f"{root}*.tf")))
    detail = " ".join(diagnostic.detail.split())
    return Finding(ID, path, diagnostic.line, f"{diagnostic.summary}{': ' if detail else ''}{detail}", FIX)
