"""Tokens may do what their job needs, and nothing by default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.programs import line_of
from standardized_modules.checks.workflow._workflows import jobs, sample, workflows

ID = "SM404"
SEVERITY = "error"
TITLE = "A workflow's token may do more than its job needs"
WHY = (
    "Without `permissions` a job gets whatever the organisation's default is, often write access to everything. Said "
    "at the top they reach every job, the one that runs a stranger's pull request, too. A job that signs in to a "
    "cloud must say so: without `id-token: write` the sign-in fails. It signs in by that token, which says the job's "
    "environment, and never by a password that somebody stored."
)
SOURCE = "https://docs.github.com/en/actions/reference/security/secure-use#use-least-privilege-permissions"
FIX = "`permissions: {}` at the top, and what it needs in each job"
READS = (".github/*",)
BAD = sample(top="permissions: write-all")
GOOD = sample()
ALLOWED = frozenset(["id-token", "attestations", "packages", "security-events", "pull-requests", "checks"])
"""What a job may write. None of them can change code or releases."""
CLOUDS = ("aws-actions/configure-aws-credentials@", "azure/login@")
SIGN_INS = (*CLOUDS, "sigstore/cosign-installer@")
STORED = ("aws-access-key-id", "aws-secret-access-key", "creds", "client-secret")
"""Inputs of the sign-ins that take a password: it leaks once, and works from everywhere until somebody notices."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for the top of each workflow and for each of its jobs."""
    for path, workflow in workflows(tree):
        text = tree[path]
        if workflow.get("permissions") != {}:
            message = f"permissions at the top are {workflow.get('permissions', 'the default')}, not {{}}"
            yield Finding(ID, path, line_of(text, "\npermissions:"), message, FIX)
        for name, job in jobs(workflow):
            line = line_of(text, f"\n  {name}:")
            line = line + 1 if line else None
            granted = job.get("permissions")
            if not isinstance(granted, dict):
                yield Finding(ID, path, line, f"job {name} does not list its permissions", FIX)
                continue
            writes = {scope for scope, level in granted.items() if level == "write"}
            for scope in sorted(writes - ALLOWED):
                yield Finding(ID, path, line, f"job {name} may write {scope}", FIX)
            uses = [str(step.get("uses", "")) for step in job.get("steps") or () if isinstance(step, dict)]
            if any(each.startswith(SIGN_INS) for each in uses) and "id-token" not in writes:
                yield Finding(ID, path, line, f"job {name} signs in without `id-token: write`", FIX)
            for message in _sign_ins(job):
                yield Finding(ID, path, line, f"job {name} {message}", FIX)


def _sign_ins(job: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with how a job gets into a cloud."""
    steps = [step for step in job.get("steps") or () if isinstance(step, dict)]
    clouds = [step for step in steps if str(step.get("uses", "")).startswith(CLOUDS)]
    if clouds and not job.get("environment"):
        yield "signs in to a cloud without an environment, which approves it and is what the cloud's trust names"
    for step in clouds:
        given = step.get("with") or {}
        for name in STORED:
            if name in given:
                yield f"signs in with a stored password: {name}"
        if str(step["uses"]).startswith("azure/login@"):
            missing = [each for each in ("client-id", "tenant-id", "subscription-id") if not given.get(each)]
            if missing and not given.get("allow-no-subscriptions"):
                yield f"signs in to Azure without {', '.join(missing)}"
