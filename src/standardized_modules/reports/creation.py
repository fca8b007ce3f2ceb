"""What `sm create-microservice` did, or would do."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from standardized_modules.errors import RefusedError
from standardized_modules.model.changes import ChangeSet
from standardized_modules.model.spec import ServiceSpec

NEXT_STEPS = (
    ("make run", "starts it on this machine"),
    ("make test", "runs its tests"),
)
QUIET = frozenset({"keep"})


def as_text(spec: ServiceSpec, changes: ChangeSet, directory: Path, *, dry_run: bool) -> str:
    """A short message: what was made, and the commands to type next."""
    if dry_run:
        return _listing(changes, directory)
    lines = [_summary(spec, changes, directory), *_attention(changes), ""]
    width = max(len(command) for command, _ in NEXT_STEPS) + len("cd ")
    if directory.resolve() != Path.cwd():
        lines.append(f"  cd {shlex.quote(str(directory))}")
    lines += [f"  {command:<{width}}# {does}" for command, does in NEXT_STEPS]
    return "\n".join(lines) + "\n"


def as_json(spec: ServiceSpec, changes: ChangeSet, directory: Path, *, dry_run: bool) -> str:
    """The same for scripts: every path with its action and reason."""
    return (
        json.dumps(
            {
                "service": spec.name,
                "patterns": list(spec.patterns),
                "cloud": spec.cloud,
                "region": spec.region,
                "directory": str(directory),
                "written": not dry_run,
                "counts": changes.counts(),
                "changes": [
                    {
                        "path": each.path,
                        "action": each.action,
                        "ownership": each.ownership,
                        "reason": each.reason,
                    }
                    for each in changes.changes
                ],
            },
            indent=2,
        )
        + "\n"
    )


def findings_as_json(spec: ServiceSpec, refusal: RefusedError) -> str:
    """Why nothing was made, for scripts."""
    findings = [
        {"rule": getattr(each, "rule", None), "message": each.message, "hint": each.hint, "where": each.where}
        for each in refusal.findings
    ]
    return json.dumps({"service": spec.name, "written": False, "findings": findings}, indent=2) + "\n"


def _summary(spec: ServiceSpec, changes: ChangeSet, directory: Path) -> str:
    counts = changes.counts()
    what = ", ".join(f"{number} {action}" for action, number in counts.items())
    if set(counts) == {"create"}:
        what = f"{counts['create']} files"
    return f"{spec.name}: {' + '.join(spec.patterns)} on {spec.cloud} ({spec.region}), {what} in {directory}"


def _attention(changes: ChangeSet) -> list[str]:
    """What the user must know: kept orphans and conflicts."""
    lines = [f"kept: {each.path} ({each.reason})" for each in changes.of("orphan")]
    lines += [
        f"conflict: {each.path} ({each.reason}); compare it with .sm/conflicts/{each.path}, then delete that"
        for each in changes.conflicts
    ]
    return lines


def _listing(changes: ChangeSet, directory: Path) -> str:
    shown = [each for each in changes.changes if each.action not in QUIET]
    width = max((len(each.action) for each in shown), default=0)
    lines = [f"{each.action:<{width}}  {directory / each.path}" for each in shown]
    changed = [each for each in shown if not each.action.startswith("keep")]
    lines.append(f"{len(changed)} changes; nothing was written (--dry-run)")
    return "\n".join(lines) + "\n"
