"""One verification of one service, from its folder to the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from msgspec.structs import replace

from standardized_modules.checks import CheckInfo, Tree, index
from standardized_modules.checks.suppressions import suppressions
from standardized_modules.checks.tree import ToolMissingError, find_program
from standardized_modules.errors import UsageError
from standardized_modules.verification import extra
from standardized_modules.verification.cache import ResultCache, private_folder
from standardized_modules.verification.keys import keys
from standardized_modules.verification.result import SEVERITIES, Outcome, Verification, problems
from standardized_modules.verification.selection import select
from standardized_modules.verification.workers import run_checks

MARKS = ("sm.yaml", ".sm/lock.json")
"""One of them makes a folder a service."""
Progress = Callable[[Outcome, int, int], None]
"""Told of each outcome, how many there are so far and how many there will be."""


def verify(
    folder: Path,
    *,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    online: bool = False,
    min_severity: str = SEVERITIES[0],
    baseline: frozenset[str] = frozenset(),
    catalogs: Sequence[Path] = (),
    progress: Progress = lambda *_: None,
) -> Verification:
    """Run the checks on a service.

    Args:
        folder: The service.
        only: Ids, groups and layers of the checks to run; every one when empty.
        skip: The same, of those not to run.
        online: Whether checks may use the network.
        min_severity: Findings below are left out.
        baseline: Fingerprints of findings that are accepted.
        catalogs: Pattern files of the organisation.
        progress: Called with each outcome.

    Raises:
        UsageError: when the folder is no service, can't be read, a check does not exist, or the tools are not
            installed.
    """
    started = time.monotonic()
    checks = select(index(), only, skip)
    versions = extra.versions()
    tree = _read(folder, online, tuple(catalogs))
    outcomes = []
    for outcome in _outcomes(tree, checks, versions):
        outcomes.append(outcome)
        progress(outcome, len(outcomes), len(checks))
    outcomes = sorted(_guarded(outcomes, checks), key=lambda each: each.check_id)
    shown = SEVERITIES[SEVERITIES.index(min_severity) :]
    found = [each for each in problems(outcomes, {each.id: each for each in checks}) if each.severity in shown]
    return Verification(
        service=folder.resolve().name,
        checks=checks,
        outcomes=tuple(outcomes),
        problems=tuple(each for each in found if each.fingerprint not in baseline),
        accepted=tuple(each for each in found if each.fingerprint in baseline),
        fixed=tuple(sorted(baseline - {each.fingerprint for each in found})),
        suppressions=suppressions(tree),
        seconds=time.monotonic() - started,
    )


def _read(folder: Path, online: bool, catalogs: tuple[Path, ...]) -> Tree:
    try:
        if not any((folder / mark).is_file() for mark in MARKS):
            raise UsageError(
                f"{folder} is not a service: it has neither {' nor '.join(MARKS)}",
                hint="give the folder of a service; 'sm create-microservice' writes one",
            )
        return Tree.read(folder, online=online, catalogs=catalogs)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise UsageError(
            f"can't be read: {reason}", hint="give yourself the right to read it", where=str(problem.filename or folder)
        ) from None


def _outcomes(tree: Tree, checks: Sequence[CheckInfo], versions: dict[str, str]) -> Iterator[Outcome]:
    """What is known without running, then the rest as it ends."""
    cache = ResultCache(private_folder())
    known = keys(tree, checks, versions)
    pending = []
    for check in checks:
        outcome = _missing(check, tree.online) or _known(check, cache, known[check.id])
        if outcome:
            yield outcome
        else:
            pending.append(check)
    for outcome in run_checks(tree, pending):
        if outcome.status in ("clean", "findings"):
            cache.put(known[outcome.check_id], outcome.findings)
        yield outcome
    cache.prune()


def _guarded(outcomes: Iterable[Outcome], checks: Sequence[CheckInfo]) -> Iterator[Outcome]:
    """The outcomes; a check that stopped at what another finds malformed is not run rather than a bug of ours."""
    by_id = {each.id: each for each in checks}
    outcomes = tuple(outcomes)
    malformed = [found for each in outcomes if by_id[each.check_id].guard for found in each.findings]
    for outcome in outcomes:
        reads = by_id[outcome.check_id].reads
        guards = sorted({each.check_id for each in malformed if any(fnmatch(each.path, part) for part in reads)})
        if outcome.status == "crashed" and guards:
            reason = f"it can't read what {' and '.join(guards)} finds malformed"
            yield replace(outcome, status="not run", reason=reason, hint=f"correct what {guards[0]} names first")
        else:
            yield outcome


def _known(check: CheckInfo, cache: ResultCache, key: str) -> Outcome | None:
    findings = cache.get(key)
    if findings is None:
        return None
    return Outcome(check.id, "findings" if findings else "clean", findings, cached=True)


def _missing(check: CheckInfo, online: bool) -> Outcome | None:
    if check.online and not online:
        return Outcome(check.id, "not run", reason="it needs the network", hint="sm verify --online")
    try:
        if check.tool:
            find_program(check.tool, check.install)
    except ToolMissingError as missing:
        return Outcome(check.id, "not run", reason=missing.message, hint=missing.hint)
    return None
