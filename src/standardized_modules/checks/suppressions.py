"""The ledger: every place where a service tells a tool to look away.

A suppression stands beside what it excuses, names a rule, gives a reason and may expire:

    #checkov:skip=CKV_AWS_338: a year of WAF logs costs more than it answers, until=2027-06-30

The reason follows the rule, or is the comment directly above it, or is a comment at the head of the
file that names the rule or the tool. Rules in a list of pyproject.toml may share the comment above its key.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from standardized_modules.checks import toml_settings
from standardized_modules.checks.tree import Tree

_RULES = r"(?P<rules>[\w*.-]+(?:\s*,\s*[\w*-]+)*)"
MARKERS = {
    "checkov": r"(?:#|//)\s*checkov:skip=" + _RULES + "?(?P<reason>.*)",
    "checkov annotation": r"checkov\.io/skip\d+[\"']?: *[\"']?" + _RULES + "?=?(?P<reason>.*)",
    "trivy": r"(?:#|//)\s*(?:trivy|tfsec):ignore:" + _RULES + "?(?P<reason>.*)",
    "tflint": r"(?:#|//)\s*tflint-ignore(?:-file)?:\s*" + _RULES + "?(?P<reason>.*)",
    "zizmor": r"# zizmor: ignore(?:\[(?P<rules>[\w, -]*)\])?(?P<reason>.*)",
    "hadolint": r"# hadolint (?:global )?ignore=" + _RULES + "?(?P<reason>.*)",
    "shellcheck": r"# shellcheck disable=" + _RULES + "?(?P<reason>.*)",
    "yamllint": r"# yamllint disable(?:-line|-file)?(?P<rules>(?: rule:[\w-]+)*)(?P<reason>.*)",
    "ruff": r"# (?:ruff: |flake8: )?noqa(?:: ?" + _RULES + ")?(?P<reason>.*)",
    "mypy": r"# (?:type: ignore|mypy: ignore-errors)(?:\[(?P<rules>[\w, -]+)\])?(?P<reason>.*)",
    "pyright": r"# pyright: ignore(?:\[(?P<rules>\w[\w, ]+)\])?(?P<reason>.*)",
    "pylint": r"# pylint: disable=" + _RULES + "?(?P<reason>.*)",
    "bandit": r"# nosec(?::? (?P<rules>B\d+(?:, ?B\d+)*))?(?P<reason>.*)",
    "semgrep": r"# nosemgrep(?::\s*" + _RULES + ")?(?P<reason>.*)",
    "gitleaks": r"#\s*gitleaks:(?P<rules>allow)(?P<reason>.*)",
    "coverage": r"# pragma: (?P<rules>no cover)(?P<reason>.*)",
}
"""How each tool is told to look away, on one line."""
WORKFLOW_MARKERS = {
    "workflow": r"(?P<rules>continue-on-error: *true|soft_fail: *true|\|\| *true|--exit-code[ =]0|skip[-_]check)"
    r"(?:[^#]*#(?P<reason>.*))?",
}
"""How a job of a workflow passes although its tool has found something."""
SKIP_FILES = {
    ".trivyignore": "trivy", ".trivyignore.yaml": "trivy", ".checkov.yaml": "checkov", ".checkov.yml": "checkov",
    ".hadolint.yaml": "hadolint", ".hadolint.yml": "hadolint", ".shellcheckrc": "shellcheck",
    ".tflint.hcl": "tflint", "zizmor.yml": "zizmor", ".gitleaksignore": "gitleaks",
}  # fmt: skip
"""Settings in which a tool is told what to skip: each rule named there is a suppression too."""
_SKIPPED_RULE = re.compile(
    r"(?P<rules>\b(?:CKV2?_[A-Z0-9_]+|AVD-[A-Z]+-\d+|CVE-\d+-\d+|DL\d{4}|SC\d{4})\b|\*)(?P<reason>.*)"
)
_ANY = re.compile(
    r"checkov|(?:trivy|tfsec):ignore|tflint-ignore|zizmor: ignore|hadolint|shellcheck disable|yamllint disable|noqa"
    r"|type: ignore|mypy: ignore|pyright: ignore|pylint: disable|nosec|nosemgrep|gitleaks:|pragma: no cover"
)
_TOML_COMMENT = re.compile(r"""(?:[^#"']|"[^"]*"|'[^']*')*#(.*)""")
_UNTIL = re.compile(r"\b(?:until=|exp:)(?P<date>[\w-]*)")
_PATTERNS = {tool: re.compile(pattern) for tool, pattern in MARKERS.items()}
_WORKFLOW_PATTERNS = {tool: re.compile(pattern) for tool, pattern in WORKFLOW_MARKERS.items()}
_HEAD = 12
"""Lines at the top of a file that may hold the reason for all of it."""
FEWEST_WORDS = 2
"""A reason has at least these many: "false positive" says something, "ignore" doesn't."""


class Suppression(Struct, frozen=True):
    """One rule that one tool does not apply in one place. `until` is as written: not always a date."""

    tool: str
    rule: str
    path: str
    line: int
    reason: str
    until: str = ""

    @property
    def is_wildcard(self) -> bool:
        """Whether it silences the tool for everything."""
        return not self.rule or "*" in self.rule or self.rule.lower() == "all"

    @property
    def has_reason(self) -> bool:
        """Whether somebody could judge later if it still holds."""
        return len(self.reason.split()) >= FEWEST_WORDS

    def has_expired(self, today: datetime.date) -> bool:
        """Whether its last day is over; a date that can't be read is over too."""
        if not self.until:
            return False
        try:
            return datetime.date.fromisoformat(self.until) < today
        except ValueError:
            return True


def suppressions(tree: Tree) -> tuple[Suppression, ...]:
    """Every suppression, by path and line."""
    return tree.once("suppressions", "*", lambda: tuple(_all(tree)))


def _all(tree: Tree) -> Iterator[Suppression]:
    for path, text in tree.items():
        name = path.rpartition("/")[2]
        if path.startswith(".sm/") or name.endswith(".md"):
            continue
        if name in toml_settings.FILES:
            yield from _in_toml(path, name, text)
        if name in SKIP_FILES:
            yield from _in_lines(path, text, {SKIP_FILES[name]: _SKIPPED_RULE})
        elif path.startswith(".github/workflows/"):
            yield from _in_lines(path, text, _PATTERNS | _WORKFLOW_PATTERNS)
        elif _ANY.search(text):
            yield from _in_lines(path, text, _PATTERNS)


def _in_lines(path: str, text: str, patterns: dict[str, re.Pattern[str]]) -> Iterator[Suppression]:
    lines = text.splitlines()
    for number, line in enumerate(lines):
        for tool, pattern in patterns.items():
            match = pattern.search(line)
            if match and not (
                tool in SKIP_FILES.values() and pattern is _SKIPPED_RULE and line.lstrip().startswith("#")
            ):
                yield from _read(tool, match, path, lines, number)


def _read(tool: str, match: re.Match[str], path: str, lines: Sequence[str], number: int) -> Iterator[Suppression]:
    rules = [each for each in re.split(r"\s*,\s*| rule:", (match["rules"] or "").strip(": ")) if each.strip()]
    rules = [each.strip().removeprefix("rule:") for each in rules]
    for rule in rules or [""]:
        said = _words(match["reason"] or "") or _words(_reason_elsewhere(lines, number, (rule, tool.split()[0])))
        yield _suppression(tool, rule, path, number, said)


def _in_toml(path: str, name: str, text: str) -> Iterator[Suppression]:
    """Rules in lists: the reason stands behind the rule, above it, or above the key of its list."""
    lines = text.splitlines()
    for tool, rule, line, key_line in toml_settings.skipped_rules(name, text):
        behind = _TOML_COMMENT.match(lines[line])
        said = _words(behind[1] if behind else "")
        for each in (line, key_line):
            said = said or _words(_reason_elsewhere(lines, each, (rule, tool)))
        yield _suppression(tool, rule, path, line, said)


def _suppression(tool: str, rule: str, path: str, number: int, said: str) -> Suppression:
    until = _UNTIL.search(said)
    reason = _UNTIL.sub("", said).strip(" ,;.")
    return Suppression(tool, rule, path, number + 1, reason, until["date"] or "?" if until else "")


def _reason_elsewhere(lines: Sequence[str], number: int, names: Sequence[str]) -> str:
    """The comment directly above the line, or one at the head of the file that names the rule or the tool."""
    above: list[str] = []
    for line in reversed(lines[:number]):
        if not _is_comment(line):
            break
        above.insert(0, _words(line))
    if above:
        return ". ".join(_sentences(above)[-2:])
    head = _sentences([line.strip().lstrip("#/ ") for line in lines[:_HEAD] if _is_comment(line)])
    named = [re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])") for name in names if name]
    return next((sentence for sentence in head if any(name.search(sentence) for name in named)), "")


def _sentences(lines: Sequence[str]) -> list[str]:
    return [each for each in re.split(r"\.\s+", " ".join(lines)) if each]


def _is_comment(line: str) -> bool:
    """Whether it is a comment and not another suppression."""
    text = line.strip()
    return text.startswith(("#", "//")) and not any(pattern.search(text) for pattern in _PATTERNS.values())


def _words(text: str) -> str:
    return text.strip().lstrip("#/:,;=-\u2013\"' \t").rstrip("\"' \t")
