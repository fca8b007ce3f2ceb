"""What `sm verify` found, as text and as JSON."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from standardized_modules.checks.suppressions import Suppression
from standardized_modules.verification import Outcome, Problem, Verification

WIDTH = 100
_CONTROL = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]")
"""What a terminal would obey: a file name or a tool's message may hold it."""


def as_text(result: Verification) -> str:
    """For people: findings, what did not run, the ledger, and one line that sums it up."""
    lines: list[str] = []
    for problem in result.problems:
        lines += _problem(problem)
    lines += _outcomes("Not run", result.of("not run"))
    lines += _outcomes("Crashed, which is a bug of sm", result.of("crashed"))
    lines += _ledger(result.suppressions)
    lines += _baseline(result)
    text = "\n".join([*lines, _summary(result)]) + "\n"
    return _CONTROL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def as_json(result: Verification) -> str:
    """For scripts. This is also what `--baseline` reads."""
    document = {
        "service": result.service,
        "ok": not result.failing and not result.of("crashed"),
        "findings": msgspec.to_builtins(result.problems),
        "accepted": msgspec.to_builtins(result.accepted),
        "fixed": list(result.fixed),
        "suppressions": msgspec.to_builtins(result.suppressions),
        "checks": [_check(each) for each in result.outcomes],
        "seconds": round(result.seconds, 3),
    }
    return json.dumps(document, indent=2) + "\n"


def _check(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.check_id,
        "status": outcome.status,
        "findings": len(outcome.findings),
        "seconds": round(outcome.seconds, 3),
        "cached": outcome.cached,
        "reason": outcome.reason,
        "hint": outcome.hint,
    }


def place(path: str, line: int | None) -> str:
    """`path:line`, which editors and terminals make a link of. A name may hold a line break, a place may not."""
    path = path.replace("\n", "\\n")
    return f"{path}:{line}" if line else path


def _problem(problem: Problem) -> list[str]:
    said = textwrap.indent(problem.message.strip(), "  ")
    return [
        f"{place(problem.path, problem.line)}: {problem.severity} {problem.check_id}: {problem.title}",
        *said.splitlines(),
        *textwrap.wrap(f"fix: {problem.fix}", WIDTH, initial_indent="  ", subsequent_indent="       "),
        "",
    ]


def _outcomes(title: str, outcomes: Iterable[Outcome]) -> list[str]:
    lines = []
    for each in outcomes:
        reason = each.reason.strip().splitlines() or [""]
        lines.append(f"  {each.check_id}  {reason[0] if each.hint else reason[-1]}")
        if each.hint:
            lines.append(f"         hint: {each.hint}")
    return [title, *lines, ""] if lines else []


def _ledger(suppressions: tuple[Suppression, ...]) -> list[str]:
    """One line for each rule and reason, with the number of places."""
    if not suppressions:
        return ["No tool is told to look away from anything.", ""]
    first: dict[tuple[str, str, str, str], Suppression] = {}
    count: Counter[tuple[str, str, str, str]] = Counter()
    for each in suppressions:
        key = (each.tool, each.rule, each.reason, each.until)
        first.setdefault(key, each)
        count[key] += 1
    lines = [f"Suppressions ({len(suppressions)})"]
    for key, each in first.items():
        more = f" and {count[key] - 1} more" if count[key] > 1 else ""
        until = f" until {each.until}" if each.until else ""
        lines.append(f"  {each.tool} {each.rule or '(every rule)'}{until}  {place(each.path, each.line)}{more}")
        lines.append(f"    {textwrap.shorten(each.reason, WIDTH - 4) or '(no reason)'}")
    return [*lines, ""]


def _baseline(result: Verification) -> list[str]:
    lines = []
    if result.accepted:
        lines.append(f"{len(result.accepted)} known findings are accepted by the baseline.")
    if result.fixed:
        lines.append(f"{len(result.fixed)} findings of the baseline are gone: write it anew.")
    return [*lines, ""] if lines else []


def _summary(result: Verification) -> str:
    kinds = Counter(each.severity for each in result.problems)
    found = ", ".join(f"{kinds[severity]} {severity}" for severity in ("error", "warning", "info") if kinds[severity])
    ran = sum(each.status in ("clean", "findings") for each in result.outcomes)
    cached = sum(each.cached for each in result.outcomes)
    missing = f", {len(result.of('not run'))} not run" if result.of("not run") else ""
    crashed = f", {len(result.of('crashed'))} crashed" if result.of("crashed") else ""
    known = f" ({cached} from the cache)" if cached else ""
    verdict = found or "no findings"
    return f"{result.service}: {verdict}; {ran} checks{known}{missing}{crashed} in {result.seconds:.1f} s"
