"""What the linter finds, and the exceptions that a migration makes from it."""

import re
from dataclasses import dataclass
from pathlib import Path

ALLOW = re.compile(
    r"#\s*lint: allow (?P<rules>[a-z0-9-]+(?:, *[a-z0-9-]+)*)(?: because (?P<why>.+))?"
)
REASON = 15
"""Letters. "ok" and "small table" are no reasons; how small, and who knows?"""


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """Something that would lock or break."""

    path: Path
    line: int
    end: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass(slots=True)
class Allowed:
    """`# lint: allow RULE because REASON`, on a line of the statement or right above it."""

    path: Path
    line: int
    rule: str
    reason: str
    used: bool = False

    def excuses(self, finding: Finding, first: int) -> bool:
        """`first` is where the comments above the statement begin."""
        here = self.path == finding.path and first <= self.line <= finding.end
        return here and self.rule == finding.rule


def without_excused(findings: list[Finding], paths: list[Path]) -> list[Finding]:
    """What is left, and what is wrong with the exceptions themselves."""
    texts = {path: path.read_text(encoding="utf-8").splitlines() for path in paths}
    exceptions = [found for path in paths for found in _exceptions(path, texts[path])]
    left = []
    for finding in sorted(set(findings)):
        first = _first_comment(texts[finding.path], finding.line)
        matching = [given for given in exceptions if given.excuses(finding, first)]
        for given in matching:
            given.used = True
        if not matching:
            left.append(finding)
    return sorted(left + [fault for given in exceptions for fault in _faults(given)])


def _exceptions(path: Path, lines: list[str]) -> list[Allowed]:
    return [
        Allowed(path, number, rule.strip(), (found["why"] or "").strip())
        for number, text in enumerate(lines, start=1)
        if (found := ALLOW.search(text))
        for rule in found["rules"].split(",")
    ]


def _first_comment(lines: list[str], line: int) -> int:
    """The line on which the comments right above a line begin; the line itself without any."""
    while line > 1 and lines[line - 2].lstrip().startswith("#"):
        line -= 1
    return line


def _faults(given: Allowed) -> list[Finding]:
    place = given.path, given.line, given.line
    if not given.used:
        message = f"there is nothing to allow here: {given.rule} finds nothing"
        return [Finding(*place, "unused-exception", message)]
    if len(given.reason) < REASON:
        message = f"say why {given.rule} may be: # lint: allow {given.rule} because …"
        return [Finding(*place, "exception-without-reason", message)]
    return []
