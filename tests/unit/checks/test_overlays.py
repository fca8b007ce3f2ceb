"""An overlay that does not build is one finding, not one of every check that would read it."""

from __future__ import annotations

import pytest

from standardized_modules.checks import Tree, discover
from standardized_modules.checks.kubernetes import alert_rules_promtool, overlays_build, secrets_in_config_map
from standardized_modules.checks.kubernetes._rules import rule_sample

CHECKS = discover()
BOARD = '{"panels": [{"id": 1, "type": "stat", "title": "t", "targets": [{"expr": "service:errors:ratio"}]}]}\n'
TEST = "rule_files: [manifests.yaml]\ntests: []\n"
RULES = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: orders
spec:
  groups:
    - name: orders
      rules:
        # Why.
        - alert: Slow
          expr: histogram_quantil(0.99, http_request_duration_seconds_bucket) > 1
"""
FILES = {
    **rule_sample("{record: 'service:errors:ratio', expr: vector(1)}"),
    "deploy/kubernetes/overlays/prod/kustomization.yaml": "resources: [manifests.yaml, nothing.yaml]\n",
    "deploy/kubernetes/overlays/prod/dashboards/overview.json": BOARD,
    "deploy/kubernetes/tests/a.test.yaml": TEST,
    "Dockerfile": "FROM python:3.13-slim-trixie\nEXPOSE 8080\n",
    "src/orders/metrics.py": 'Counter("http_requests", "Requests.")\n',
}


@pytest.mark.parametrize("check_id", ["SM107", "SM201", "SM223", "SM227"])
def test_only_the_build_complains(check_id: str) -> None:
    check = next(each for each in CHECKS if check_id == each.ID)

    assert len(list(check.check(Tree(FILES)))) == (check_id == overlays_build.ID)


def test_promtool_names_file_line_and_fault_alone() -> None:
    files = {
        "deploy/kubernetes/overlays/prod/kustomization.yaml": "resources: [rules.yaml]\n",
        "deploy/kubernetes/overlays/prod/rules.yaml": RULES,
        "deploy/kubernetes/tests/a.test.yaml": TEST,
    }
    (found,) = alert_rules_promtool.check(Tree(files))

    assert (found.path, found.line) == ("deploy/kubernetes/overlays/prod/rules.yaml", 10)
    assert 'unknown function with name "histogram_quantil"' in found.message
    assert "Checking" not in found.message


def test_what_promtool_likes_is_left_out() -> None:
    output = "Checking a.yaml\n\nChecking b.yaml\n  SUCCESS: 2 rules found\n  FAILED:\na.yaml: 9:11: parse error\n"

    assert alert_rules_promtool.spoken(output) == "a.yaml: 9:11: parse error"


def test_a_secret_among_settings_is_found_where_it_is_written() -> None:
    overlay = "deploy/kubernetes/overlays/prod/"
    generator = "configMapGenerator: [{name: orders, envs: [settings.env]}]\n"
    before = {f"{overlay}kustomization.yaml": generator, f"{overlay}settings.env": "APP_A=1\nAPP_PASSWORD=x\n"}

    (found,) = secrets_in_config_map.check(Tree(before))
    (later,) = secrets_in_config_map.check(Tree({**before, f"{overlay}settings.env": "APP_A=2\nAPP_PASSWORD=x\n"}))

    assert (found.path, found.line) == (f"{overlay}settings.env", 2)
    assert found.message == "ConfigMap/orders: APP_PASSWORD looks like a secret"
    assert found == later, "a baseline would not know it any more"
