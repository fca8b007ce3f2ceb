"""A job that hangs is stopped."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.workflow._workflows import jobs, sample, workflows

ID = "SM407"
SEVERITY = "warning"
TITLE = "A job has no time limit, or swallows its failures"
WHY = (
    "GitHub stops a job after six hours: that long a deployment that hangs blocks every later one of its "
    "environment. A step with continue-on-error is green whatever it found."
)
SOURCE = "https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idtimeout-minutes"
FIX = "set `timeout-minutes` to about three times what the job takes; let failures fail"
READS = (".github/*",)
BAD = sample(job="continue-on-error: true")
GOOD = sample()
LONGEST = 90
"""Minutes. A first deployment with certificate and load balancer takes a third of it, one that brings a migration
waits for it for an hour at most."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for each job that runs steps itself."""
    for path, workflow in workflows(tree):
        for name, job in jobs(workflow):
            line = line_of(tree[path], f"\n  {name}:")
            line = line + 1 if line else None
            limit = job.get("timeout-minutes")
            if "uses" not in job and not (isinstance(limit, int) and limit <= LONGEST):
                what = "has no timeout-minutes" if limit is None else f"may take {limit} minutes"
                yield Finding(ID, path, line, f"job {name} {what}, at most {LONGEST} are wanted", FIX)
            for part in (job, *(job.get("steps") or ())):
                if isinstance(part, dict) and part.get("continue-on-error"):
                    yield Finding(ID, path, line, f"job {name}: continue-on-error hides a failure", FIX)
