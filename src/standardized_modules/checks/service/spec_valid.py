"""The spec is valid and its rules hold."""

from __future__ import annotations

from collections.abc import Iterator

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.service._records import SPEC
from standardized_modules.checks.service._spec import resolved
from standardized_modules.errors import SmError

ID = "SM501"
SEVERITY = "error"
READS = ("sm.yaml",)
TITLE = "The spec is invalid or breaks a rule"
WHY = (
    "sm.yaml is what the next upgrade is made from. A misspelt parameter, a value out of its bounds or a broken "
    "rule stops that upgrade, on the day when somebody needs it; found at the edit, it is one line to correct."
)
SOURCE = "https://json-schema.org/understanding-json-schema/about"
FIX = "correct sm.yaml; 'sm explain PARAMETER' says what a parameter may be"
_SPEC = "version: 1\nname: orders\npatterns: [web_api]\ncloud: aws\nregion: eu-west-1\nowner: team-orders\n"
BAD = {SPEC: f"{_SPEC}parameters:\n  http: {{keep_alive: 30}}\n"}
GOOD = {SPEC: f"{_SPEC}parameters:\n  http: {{keep_alive: 90}}\n"}


def check(tree: Tree) -> Iterator[Finding]:
    """What load says, or every rule that does not hold."""
    if SPEC not in tree:
        return
    service = resolved(tree)
    if isinstance(service, SmError):
        yield _finding(service.where, service.message, service.hint)
        return
    for each in service.findings:
        yield _finding(each.where, each.message, each.hint)


def _finding(where: str | None, message: str, hint: str) -> Finding:
    path, _, line = (where or SPEC).partition(":")
    here = path == SPEC
    text = message if here else f"{where}: {message}"
    return Finding(ID, SPEC, int(line) if here and line.isdigit() else None, f"{text} ({hint})", FIX)
