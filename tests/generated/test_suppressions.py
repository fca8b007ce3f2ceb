"""The ledger: every place where a generated service tells a tool to look away.

Each stands inline beside the code, names one rule (never a wildcard) and has a reason. A new one
fails here until somebody adds it to the ledger, which is a review.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

MARKERS = {
    "checkov": re.compile(r"#\s*checkov:skip=(?P<rule>\w+):?(?P<reason>.*)"),
    "checkov annotation": re.compile(r"checkov\.io/skip\d+: (?P<rule>\w+)=(?P<reason>.*)"),
    "zizmor": re.compile(r"# zizmor: ignore\[(?P<rule>[\w-]*)\](?P<reason>)"),
    "ruff": re.compile(r"# noqa(?:: (?P<rule>[A-Z]+[0-9]+))?(?P<reason>.*)"),
    "mypy": re.compile(r"# type: ignore(?:\[(?P<rule>[\w-]+)\])?(?P<reason>.*)"),
    "yamllint": re.compile(r"# yamllint disable(?:-line)?(?: rule:(?P<rule>[\w-]+))?(?P<reason>)"),
    "hadolint": re.compile(r"# hadolint ignore=(?P<rule>\w+)(?P<reason>.*)"),
    "shellcheck": re.compile(r"# shellcheck disable=(?P<rule>\w+)(?P<reason>.*)"),
    "trivy": re.compile(r"trivy:ignore:(?P<rule>[\w-]+)(?P<reason>.*)"),
    "bandit": re.compile(r"# nosec(?P<rule>)(?P<reason>.*)"),
    "coverage": re.compile(r"# pragma: no cover(?P<rule>)(?P<reason>.*)"),
}
IGNORE_FILES = {".trivyignore", ".checkov.yaml", ".checkov.yml", ".hadolint.yaml", ".tflint.hcl", ".shellcheckrc"}

LEDGER = {
    ("checkov", "CKV_AWS_338", "deploy/terraform/waf_logs.tf"): 1,
    ("checkov annotation", "CKV_K8S_11", "deploy/kubernetes/base/deployment.yaml"): 1,
    ("checkov annotation", "CKV_K8S_15", "deploy/kubernetes/base/deployment.yaml"): 1,
    ("mypy", "attr-defined", "tests/support.py"): 1,
    ("mypy", "attr-defined", "tests/test_health.py"): 3,
    ("mypy", "attr-defined", "tests/test_metrics.py"): 1,
    ("mypy", "no-untyped-call", "src/orders/metrics.py"): 1,
    ("ruff", "A002", "tests/test_tracing.py"): 1,
    ("ruff", "BLE001", "src/orders/health.py"): 1,
    ("ruff", "ANN401", "src/orders/tracing_sdk.py"): 1,
    ("ruff", "PLC0415", "src/orders/tracing.py"): 1,
    ("ruff", "PLR2004", "src/orders/middleware/tracing.py"): 1,
    ("ruff", "S101", "src/orders/problems.py"): 2,
    ("ruff", "S104", "src/orders/settings.py"): 1,
    ("ruff", "S311", "src/orders/tracing_sdk.py"): 1,
    ("ruff", "S603", "tests/test_tracing.py"): 1,
    ("ruff", "T201", "src/orders/__main__.py"): 1,
    ("zizmor", "self-repository", ".github/workflows/deploy.yaml"): 4,
    **{
        ("yamllint", "line-length", f"deploy/kubernetes/overlays/{environment}/prometheus-rule-{rules}.yaml"): 1
        for environment in ("dev", "staging", "prod")
        for rules in ("autoscaling", "http", "rate-limit", "workload")
    },
    **{
        ("yamllint", "line-length", f"deploy/kubernetes/tests/prometheus-rule-{rules}.test.yaml"): 1
        for rules in ("autoscaling", "http", "rate-limit", "rollout", "workload")
    },
}


def suppressions(service: Path) -> list[tuple[str, str, str, int, str]]:
    """(tool, rule, path, line, reason) of every marker in the service."""
    found = []
    for path in sorted(service.rglob("*")):
        relative = path.relative_to(service).as_posix()
        if not path.is_file() or relative.startswith(".sm/"):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            for tool, marker in MARKERS.items():
                match = marker.search(line)
                if match:
                    reason = match["reason"].strip() or reason_above(lines, number)
                    found.append((tool, match["rule"] or "", relative, number + 1, reason))
    return found


def reason_above(lines: list[str], number: int) -> str:
    """The comment directly above a marker, or the one at the top of the file that names it."""
    above = lines[number - 1].strip() if number else ""
    if above.startswith("#"):
        return above.lstrip("# ")
    head = [line for line in lines[:12] if line.startswith("#")]
    return " ".join(line.lstrip("# ") for line in head)


def test_every_suppression_is_in_the_ledger(web_api_service: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = suppressions(web_api_service)
    counted = Counter((tool, rule, path) for tool, rule, path, _, _ in found)
    with capsys.disabled():
        tools = Counter(tool for tool, *_ in found)
        print(f"\nsuppressions: {len(found)} ({', '.join(f'{tool} {n}' for tool, n in sorted(tools.items()))})")
    assert dict(counted) == LEDGER


def test_every_suppression_names_one_rule_and_a_reason(web_api_service: Path) -> None:
    for tool, rule, path, line, reason in suppressions(web_api_service):
        assert rule, f"{path}:{line}: {tool} is silenced for everything"
        assert len(reason.split()) >= 2, f"{path}:{line}: {tool} {rule} has no reason"


def test_nothing_is_skipped_in_a_configuration_file(web_api_service: Path) -> None:
    names = {path.name for path in web_api_service.rglob("*")}
    assert not names & IGNORE_FILES
    workflows = "".join(path.read_text() for path in (web_api_service / ".github").rglob("*.yaml"))
    for word in ("continue-on-error", "|| true", "skip-check", "soft_fail", "--exit-code 0"):
        assert word not in workflows, word
