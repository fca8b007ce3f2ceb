"""The ledger: every way of telling a tool to look away is read, with its rule, reason and last day."""

from __future__ import annotations

import datetime

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.suppressions import Suppression, suppressions

TODAY = datetime.date(2026, 11, 23)


def ledger(text: str, path: str = "a.py") -> list[tuple[str, str, str, str]]:
    return [(each.tool, each.rule, each.reason, each.until) for each in suppressions(Tree({path: text}))]


@pytest.mark.parametrize(
    ("line", "tool", "rule"),
    [
        ("x = 1  # noqa: S104  a pod's own address", "ruff", "S104"),
        ("x = 1  # type: ignore[attr-defined]  set by a test", "mypy", "attr-defined"),
        ("x = 1  # pyright: ignore[reportGeneral] upstream has none", "pyright", "reportGeneral"),
        ("x = 1  # nosec B104 a pod's own", "bandit", "B104"),
        ("x = 1  # pragma: no cover - never in tests", "coverage", "no cover"),
        ("x = 1  # pylint: disable=no-member  made at run time", "pylint", "no-member"),
        ("x = 1  # nosemgrep: python.lang.x  not user input", "semgrep", "python.lang.x"),
        ("key = 1  # gitleaks:allow an example key", "gitleaks", "allow"),
        ("  #checkov:skip=CKV_AWS_338: logs are short lived", "checkov", "CKV_AWS_338"),
        ("  checkov.io/skip1: CKV_K8S_11=throttles the service", "checkov annotation", "CKV_K8S_11"),
        ("  #trivy:ignore:AVD-AWS-0089 no access logs", "trivy", "AVD-AWS-0089"),
        ("  # tflint-ignore: terraform_unused fixed soon enough", "tflint", "terraform_unused"),
        ("  uses: ./x # zizmor: ignore[self-repository] every server knows it", "zizmor", "self-repository"),
        ("# hadolint ignore=DL3008 the index has one version", "hadolint", "DL3008"),
        ("# shellcheck disable=SC2086 words are meant", "shellcheck", "SC2086"),
        ("# yamllint disable rule:line-length queries are long", "yamllint", "line-length"),
    ],
)
def test_every_tool_is_read(line: str, tool: str, rule: str) -> None:
    ((found_tool, found_rule, reason, until),) = ledger(line)

    assert (found_tool, found_rule, until) == (tool, rule, "")
    assert len(reason.split()) >= 2


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa", "# ruff: noqa", "x = 1  # type: ignore", "# mypy: ignore-errors", "x = 1  # nosec",
        "# yamllint disable", "# yamllint disable-file", "# shellcheck disable=all", "#checkov:skip=*: all of it",
        "#trivy:ignore:*", "x: 1 # zizmor: ignore", "x = 1  # nosemgrep", "x = 1  # pyright: ignore",
    ],
)  # fmt: skip
def test_a_wildcard_is_one(line: str) -> None:
    (each,) = suppressions(Tree({"a.py": line}))

    assert each.is_wildcard


def test_several_rules_are_several_suppressions() -> None:
    assert ledger("x = 1  # noqa: S104, S105  a pod's own") == [
        ("ruff", "S104", "a pod's own", ""),
        ("ruff", "S105", "a pod's own", ""),
    ]
    assert [each[1] for each in ledger("# yamllint disable rule:a rule:b\n")] == ["a", "b"]


def test_the_reason_may_stand_above_or_at_the_head_of_the_file() -> None:
    assert ledger("# Upstream has no types.\nx = 1  # type: ignore[x-y]\n")[0][2] == "Upstream has no types"
    head = (
        "# What this is. zizmor prefers another form: servers don't know it.\n\non: push\nuses: x # zizmor: ignore[a]\n"
    )
    assert ledger(head, ".github/workflows/a.yaml")[0][2] == "zizmor prefers another form: servers don't know it"


def test_a_head_that_speaks_of_something_else_is_no_reason() -> None:
    (each,) = suppressions(Tree({"a.py": "# Settings of the service, all of them.\n\nx = 1  # noqa: S104\n"}))

    assert not each.has_reason


def test_another_suppression_above_is_no_reason() -> None:
    found = suppressions(Tree({"main.tf": "#checkov:skip=CKV_AWS_1: it is public\n#checkov:skip=CKV_AWS_2\n"}))

    assert [each.has_reason for each in found] == [True, False]


@pytest.mark.parametrize(
    ("written", "until", "expired"),
    [
        ("until=2026-11-22", "2026-11-22", True),
        ("until=2026-11-23", "2026-11-23", False),
        ("exp:2027-01-01", "2027-01-01", False),
        ("until=soon", "soon", True),
        ("until=", "?", True),
        ("", "", False),
    ],
)
def test_the_last_day(written: str, until: str, expired: bool) -> None:
    (each,) = suppressions(Tree({"a.py": f"x = 1  # noqa: S104  the library is replaced, {written}"}))

    assert (each.reason, each.until) == ("the library is replaced", until)
    assert each.has_expired(TODAY) is expired


@pytest.mark.parametrize(
    "line", ["continue-on-error: true", "run: x || true", "run: trivy --exit-code 0 .", "soft_fail: true"]
)
def test_a_workflow_that_can_not_fail_needs_a_reason(line: str) -> None:
    found = suppressions(Tree({".github/workflows/a.yaml": f"  {line}\n  {line} # a probe, may fail\n"}))

    assert [(each.tool, each.has_reason) for each in found] == [("workflow", False), ("workflow", True)]
    assert ledger(f"  {line}\n", "scripts/a.sh") == []


def test_rules_in_a_file_of_skips_are_suppressions() -> None:
    text = "# no fix is out, until=2027-01-31\nCVE-2026-1234\n\nAVD-AWS-0001\n"

    assert ledger(text, ".trivyignore") == [
        ("trivy", "CVE-2026-1234", "no fix is out", "2027-01-31"),
        ("trivy", "AVD-AWS-0001", "", ""),
    ]
    assert ledger("skip-check:\n  - '*'\n", ".checkov.yaml")[0][1] == "*"


PYPROJECT = """\
[tool.ruff.lint]
select = ["ALL"]
ignore = [
    "COM812", # the formatter's business
    # Relative imports are ours.
    "TID252",
    'TRY003',
]

[tool.ruff.lint.per-file-ignores]
# Tests assert, until=2027-01-31
"tests/**" = ["S101", "PLR2004"]

[[tool.mypy.overrides]]
module = "a"
ignore_missing_imports = true # upstream has no types
[[tool.mypy.overrides]]
module = "b"
ignore_errors = true
[[tool.mypy.overrides]]
module = "c"
ignore_missing_imports = true

[tool.bandit]
skips = ["B101"]
"""


def test_rules_in_lists_of_python_settings_are_suppressions() -> None:
    found = suppressions(Tree({"pyproject.toml": PYPROJECT}))

    assert [(each.tool, each.rule, each.line, each.reason, each.until) for each in found] == [
        ("ruff", "COM812", 4, "the formatter's business", ""),
        ("ruff", "TID252", 6, "Relative imports are ours", ""),
        ("ruff", "TRY003", 7, "", ""),
        ("ruff", "S101", 12, "Tests assert", "2027-01-31"),
        ("ruff", "PLR2004", 12, "Tests assert", "2027-01-31"),
        ("mypy", "ignore_missing_imports", 16, "upstream has no types", ""),
        ("mypy", "", 19, "", ""),
        ("mypy", "ignore_missing_imports", 22, "", ""),
        ("bandit", "B101", 25, "", ""),
    ]
    assert [each.line for each in found if each.is_wildcard] == [19]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ruff.toml", "lint.ignore = ['E501']"),
        (".ruff.toml", "[lint]\nextend-ignore = ['E501']"),
        ("pyproject.toml", "[tool.ruff]\nlint.per-file-ignores = {'a.py' = ['E501']}"),
        ("pyproject.toml", "[tool.ruff.lint]\nextend-per-file-ignores.'a.py' = ['E501']"),
    ],
)
def test_every_way_to_write_a_list_of_ruff_is_read(path: str, text: str) -> None:
    (each,) = suppressions(Tree({path: text}))

    assert (each.tool, each.rule, each.line, each.has_reason) == ("ruff", "E501", text.count("\n") + 1, False)


def test_settings_that_are_no_toml_are_reported_elsewhere() -> None:
    assert ledger("[tool.ruff", "pyproject.toml") == []


def test_documents_and_records_are_not_code() -> None:
    assert ledger("`# noqa`", "docs/a.md") == []
    assert ledger("# noqa", ".sm/base.tar") == []


def test_wildcards_by_name() -> None:
    assert Suppression("x", "ALL", "a", 1, "r").is_wildcard
