"""`terraform fmt` would change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import sample
from standardized_modules.checks.terraform._session import session
from standardized_modules.terraform_offline import CoreFailedError

ID = "SM301"
SEVERITY = "warning"
TITLE = "A Terraform file is not formatted"
WHY = (
    "One format keeps diffs down to what changed, and the pipeline of the service refuses files that `terraform "
    "fmt` would rewrite: better to hear of it before the push."
)
SOURCE = "https://developer.hashicorp.com/terraform/cli/commands/fmt"
FIX = "run `terraform fmt -recursive deploy/terraform`"
READS = ("deploy/terraform/*",)
BAD = sample('resource "aws_sqs_queue" "jobs" {\n  name="jobs"\n}\n')
GOOD = sample('resource "aws_sqs_queue" "jobs" {\n  name = "jobs"\n}\n')


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each file that would change; one that can't be read at all is SM302's."""
    run = session(tree)
    if run.roots:
        try:
            for path in run.unformatted():
                yield Finding(ID, path, None, "not as `terraform fmt` writes it", FIX)
        except CoreFailedError:
            return
