"""The service's own `terraform test` files pass, and none is skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import sample
from standardized_modules.checks.terraform._session import TERRAFORM, session

ID = "SM303"
SEVERITY = "error"
TITLE = "A test of the Terraform configuration fails"
WHY = (
    "What must stay true of the infrastructure is written down in *.tftest.hcl: who may assume the role, that keys "
    "rotate, that the firewall blocks. A run that is skipped proves as little as one that fails."
)
SOURCE = "https://developer.hashicorp.com/terraform/language/tests"
FIX = "`terraform test -verbose` in that folder shows the values that the assertion saw"
READS = ("deploy/terraform/*",)
EXCLUSIVE = True
_QUEUE = 'resource "aws_sqs_queue" "jobs" {\n  name                    = "jobs"\n  sqs_managed_sse_enabled = VALUE\n}\n'
_TEST = """\
mock_provider "aws" {}

run "encrypted" {
  command = plan

  assert {
    condition     = aws_sqs_queue.jobs.sqs_managed_sse_enabled
    error_message = "The queue must be encrypted."
  }
}
"""
_PATH = f"{TERRAFORM}tests/queue.tftest.hcl"
BAD = sample(_QUEUE.replace("VALUE", "false"), **{_PATH: _TEST})
GOOD = sample(_QUEUE.replace("VALUE", "true"), **{_PATH: _TEST})
_RUN = re.compile(r'^run\s+"', re.MULTILINE)


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each assertion that fails, each error, and runs that did not happen."""
    run = session(tree)
    for root in run.roots:
        files = [p for p in tree.glob(f"{root}*.tftest.hcl") if p[len(root) :].count("/") <= 1]
        own = [p for p in files if not any(p.startswith(other) for other in run.roots if len(other) > len(root))]
        written = sum(len(_RUN.findall(tree[path])) for path in own)
        if written:
            run.require_schemas(root)
        if not written or run.problems(root):
            continue  # nothing to run, or nothing that could: SM302 says why
        result = run.tested(root)
        for each in result.diagnostics:
            if each.severity == "error":
                path = f"{root}{each.file}" if f"{root}{each.file}" in tree else own[0]
                yield Finding(ID, path, each.line, f"{each.summary}: {' '.join(each.detail.split())}", FIX)
        if result.ok and result.passed != written:
            yield Finding(ID, own[0], None, f"{written} runs are written, {result.passed} took place", FIX)
