"""What a verification gives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from standardized_modules.checks import CheckInfo, Finding
from standardized_modules.checks.suppressions import Suppression

SEVERITIES = ("info", "warning", "error")
"""From the least to the most."""
FAILING = ("warning", "error")
"""A finding of one of these makes a run fail."""
Status = Literal["clean", "findings", "not run", "crashed"]


class Outcome(Struct, frozen=True):
    """How one check ended. `reason` and `hint` explain why it did not run, or how it crashed."""

    check_id: str
    status: Status
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    cached: bool = False
    reason: str = ""
    hint: str = ""


class Problem(Struct, frozen=True):
    """A finding with what its check says about it, and a fingerprint that survives moved lines."""

    check_id: str
    severity: str
    title: str
    path: str
    line: int | None
    message: str
    fix: str
    fingerprint: str


class Verification(Struct, frozen=True):
    """The whole result."""

    service: str
    checks: tuple[CheckInfo, ...]
    outcomes: tuple[Outcome, ...]
    problems: tuple[Problem, ...]
    accepted: tuple[Problem, ...]
    """Known from the baseline."""
    fixed: tuple[str, ...]
    """Fingerprints of the baseline that are no longer found."""
    suppressions: tuple[Suppression, ...]
    seconds: float

    def of(self, status: Status) -> tuple[Outcome, ...]:
        """Outcomes with this status."""
        return tuple(each for each in self.outcomes if each.status == status)

    @property
    def failing(self) -> tuple[Problem, ...]:
        """Problems that make the run fail."""
        return tuple(each for each in self.problems if each.severity in FAILING)


def problems(outcomes: Iterable[Outcome], checks: Mapping[str, CheckInfo]) -> tuple[Problem, ...]:
    """Every finding, the most severe first, then by place."""
    found: list[Problem] = []
    seen: dict[str, int] = {}
    for outcome in outcomes:
        info = checks[outcome.check_id]
        for finding in outcome.findings:
            base = _fingerprint(finding)
            seen[base] = seen.get(base, 0) + 1
            fingerprint = base if seen[base] == 1 else f"{base}-{seen[base]}"
            found.append(
                Problem(
                    finding.check_id, info.severity, info.title, finding.path, finding.line, finding.message,
                    finding.fix, fingerprint,
                )
            )  # fmt: skip
    return tuple(sorted(found, key=lambda each: (-SEVERITIES.index(each.severity), each.path, each.line or 0)))


def _fingerprint(finding: Finding) -> str:
    text = "\0".join((finding.check_id, finding.path, finding.message))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
