"""Findings that a team has accepted for now: a report of `sm verify --format json`, kept in a file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from standardized_modules.errors import UsageError

HOW = "sm verify --format json > {} writes one; commit it, and delete the file when the list is empty"


class _Accepted(msgspec.Struct):
    fingerprint: str


class _Report(msgspec.Struct):
    findings: list[_Accepted]
    accepted: list[_Accepted] = []


def read_baseline(path: Path) -> frozenset[str]:
    """Fingerprints of the accepted findings.

    Raises:
        UsageError: when the file is missing or not such a report.
    """
    try:
        report = msgspec.json.decode(path.read_bytes(), type=_Report)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise UsageError(f"the baseline can't be read: {reason}", hint=HOW.format(path), where=str(path)) from None
    except ValueError as problem:
        raise UsageError(f"is not a report of sm verify: {problem}", hint=HOW.format(path), where=str(path)) from None
    return frozenset(each.fingerprint for each in (*report.findings, *report.accepted))
