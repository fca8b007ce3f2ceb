"""The ledger: every place where a generated service tells a tool to look away.

Each stands inline beside the code, names one rule (never a wildcard) and has a reason. A new one
fails here until somebody adds it to the ledger, which is a review.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from standardized_modules.checks import Tree
from standardized_modules.checks.suppressions import SKIP_FILES, Suppression, suppressions

LEDGER = {
    ("checkov", "CKV_AWS_338", "deploy/terraform/waf_logs.tf"): 1,
    ("checkov annotation", "CKV_K8S_11", "deploy/kubernetes/base/deployment.yaml"): 1,
    ("checkov annotation", "CKV_K8S_15", "deploy/kubernetes/base/deployment.yaml"): 1,
    ("mypy", "attr-defined", "tests/support.py"): 1,
    ("mypy", "attr-defined", "tests/test_health.py"): 3,
    ("mypy", "attr-defined", "tests/test_metrics.py"): 1,
    ("mypy", "no-untyped-call", "src/orders/metrics.py"): 1,
    ("ruff", "A002", "tests/observing.py"): 1,
    ("ruff", "BLE001", "src/orders/health.py"): 1,
    ("ruff", "ANN401", "src/orders/tracing_sdk.py"): 1,
    ("ruff", "PLC0415", "src/orders/tracing.py"): 1,
    ("ruff", "PLR2004", "src/orders/middleware/tracing.py"): 1,
    ("ruff", "S101", "src/orders/problems.py"): 2,
    ("ruff", "S104", "src/orders/settings.py"): 1,
    ("ruff", "S311", "src/orders/tracing_sdk.py"): 1,
    ("ruff", "S603", "tests/test_tracing.py"): 1,
    ("ruff", "T201", "src/orders/startup.py"): 1,
    **{
        ("ruff", rule, "pyproject.toml"): 1
        for rule in ("COM812", "INP001", "PLR2004", "S101", "S105", "S106", "SLF001", "TID252", "TRY003")
    },
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


def found(service: Path) -> tuple[Suppression, ...]:
    """Every suppression in the service, as `sm verify` shows them."""
    return suppressions(Tree.read(service))


def test_every_suppression_is_in_the_ledger(web_api_service: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = found(web_api_service)
    with capsys.disabled():
        tools = Counter(each.tool for each in ledger)
        print(f"\nsuppressions: {len(ledger)} ({', '.join(f'{tool} {n}' for tool, n in sorted(tools.items()))})")
    assert dict(Counter((each.tool, each.rule, each.path) for each in ledger)) == LEDGER


def test_every_suppression_names_one_rule_and_a_reason(web_api_service: Path) -> None:
    for each in found(web_api_service):
        assert not each.is_wildcard, f"{each.path}:{each.line}: {each.tool} is silenced for everything"
        assert each.has_reason, f"{each.path}:{each.line}: {each.tool} {each.rule} has no reason"


def test_nothing_is_skipped_in_a_configuration_file(web_api_service: Path) -> None:
    assert not {path.name for path in web_api_service.rglob("*")} & SKIP_FILES.keys()
