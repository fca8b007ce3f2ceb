"""The Kubernetes manifests, alert rules and dashboard of a fresh web_api service."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from standardized_modules.checks import Check, Tree, discover
from tests.conftest import Sm

CHECKS = tuple(check for check in discover() if check.ID.startswith("SM2"))
ENVIRONMENTS = ("dev", "staging", "prod")
SUPPRESSED = ("CKV_K8S_11", "CKV_K8S_15")
"""What the Deployment of each environment suppresses inline, with a reason each."""
PROMTOOL = "promtool comes with Prometheus: apt-get install prometheus, or https://prometheus.io/download/"


@pytest.fixture(scope="module")
def tree(web_api_service: Path) -> Tree:
    """The fresh service; its overlays are built once for all tests."""
    return Tree.read(web_api_service)


def manifests(tree: Tree, environment: str) -> list[dict[str, Any]]:
    """The objects of one overlay."""
    overlay = next(o for o in tree.overlays if o.name == environment)
    assert not overlay.error
    return list(overlay.manifests)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.ID)
def test_check_is_clean(tree: Tree, check: Check) -> None:
    assert [f"{f.path}:{f.line}: {f.message}" for f in check.check(tree)] == []


def test_every_environment_is_built(tree: Tree) -> None:
    assert tuple(sorted(o.name for o in tree.overlays)) == tuple(sorted(ENVIRONMENTS))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_objects_of_an_environment(tree: Tree, environment: str) -> None:
    kinds = [manifest["kind"] for manifest in manifests(tree, environment)]

    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "ConfigMap": 2,
        "Deployment": 1,
        "Gateway": 1,
        "HTTPRoute": 3,
        "HorizontalPodAutoscaler": 1,
        "ListenerRuleConfiguration": 1,
        "LoadBalancerConfiguration": 1,
        "Namespace": 1,
        "NetworkPolicy": 6,
        "PodDisruptionBudget": 1,
        "PrometheusRule": 4,
        "Service": 1,
        "ServiceAccount": 1,
        "ServiceMonitor": 1,
        "TargetGroupConfiguration": 1,
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_objects_live_in_the_namespace_of_their_environment(tree: Tree, environment: str) -> None:
    for manifest in manifests(tree, environment):
        place = manifest["metadata"].get("namespace", manifest["metadata"]["name"])
        assert place == f"orders-{environment}"
        assert manifest["metadata"]["labels"]["environment"] == environment


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_outputs_of_terraform_reach_their_places(web_api_service: Path, tmp_path: Path, environment: str) -> None:
    outputs = {
        "certificate_arn": "arn:aws:acm:eu-west-1:111122223333:certificate/1",
        "dns_cidr": "172.20.0.10/32",
        "hostname": "orders.acme.test",
        "image": f"registry.acme.test/orders@sha256:{'ab' * 32}",
        "vpc_cidr": "10.20.0.0/16",
        "web_acl_arn": "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/orders/1",
    }
    service = tmp_path / "orders"
    shutil.copytree(web_api_service / "deploy", service / "deploy")
    written = service / f"deploy/kubernetes/overlays/{environment}/terraform-outputs.env"
    placeholders = {line.partition("=")[0] for line in written.read_text().splitlines() if line and line[0] != "#"}
    written.write_text("".join(f"{key}={value}\n" for key, value in outputs.items()))
    built = manifests(Tree.read(service), environment)

    assert placeholders == set(outputs)
    text = yaml.safe_dump_all(built)
    for value in outputs.values():
        assert value in text
    assert "000000000000" not in text
    assert "192.0.2." not in text
    assert "terraform-outputs" not in text


def test_probes_are_not_reachable_from_outside(tree: Tree) -> None:
    built = manifests(tree, "prod")
    container = next(m for m in built if m["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"][0]
    probes = {container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    rules = [rule for m in built if m["kind"] == "HTTPRoute" for rule in m["spec"]["rules"]]
    answered = {
        match["path"]["value"]
        for rule in rules
        for match in rule["matches"]
        if match["path"]["type"] == "Exact"
        and rule["filters"][0]["type"] == "ExtensionRef"
        and "backendRefs" not in rule
    }
    response = next(m for m in built if m["kind"] == "ListenerRuleConfiguration")["spec"]["actions"][0]

    assert answered == probes
    assert response["fixedResponseConfig"]["statusCode"] == 404
    assert json.loads(response["fixedResponseConfig"]["messageBody"])["status"] == 404


def test_dashboards_of_one_cluster_do_not_meet(tree: Tree) -> None:
    """Grafana's sidecar has one folder for all namespaces, and Grafana one uid a dashboard."""
    files: list[str] = []
    models: list[dict[str, Any]] = []
    for environment in ENVIRONMENTS:
        boards = next(m for m in manifests(tree, environment) if m["metadata"]["name"] == "orders-dashboards")
        files += boards["data"]
        models += [json.loads(model) for model in boards["data"].values()]

    assert sorted(files) == ["orders-dev.json", "orders-prod.json", "orders-staging.json"]
    assert len({model["uid"] for model in models}) == len({model["title"] for model in models}) == len(ENVIRONMENTS)
    for model in models:
        for panel in model["panels"]:
            for target in panel.get("targets", ()):
                assert "$namespace" in target["expr"] or 'environment="' in target["expr"], panel["title"]


def test_pods_run_where_the_image_can(tree: Tree) -> None:
    deployment = next(m for m in manifests(tree, "prod") if m["kind"] == "Deployment")
    runners = set(re.findall(r"runs-on: (\S+)", tree[".github/workflows/deploy.yaml"]))

    assert deployment["spec"]["template"]["spec"]["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert runners
    assert not [runner for runner in runners if "arm" in runner], "the image is built for the runner's architecture"


def test_a_changed_setting_rolls_the_pods(web_api_service: Path, tmp_path: Path) -> None:
    shutil.copytree(web_api_service / "deploy", tmp_path / "deploy")
    before = _config_name(Tree.read(tmp_path))
    settings = tmp_path / "deploy/kubernetes/overlays/prod/settings.env"
    settings.write_text(settings.read_text().replace("APP_LOG_LEVEL=INFO", "APP_LOG_LEVEL=DEBUG"))

    assert _config_name(Tree.read(tmp_path)) != before


def _config_name(tree: Tree) -> str:
    deployment = next(m for m in manifests(tree, "prod") if m["kind"] == "Deployment")
    name = deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    assert name.startswith("orders-")
    return str(name)


def test_checkov_finds_nothing(tree: Tree, tmp_path: Path) -> None:
    for environment in ENVIRONMENTS:
        (tmp_path / f"{environment}.yaml").write_text(yaml.safe_dump_all(manifests(tree, environment)))
    done = subprocess.run(
        [sys.executable, "-m", "checkov.main", "--framework", "kubernetes", "--directory", tmp_path, "--output", "json",
         "--skip-download"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)["results"]

    assert [f"{failed['check_id']} {failed['resource']}" for failed in report["failed_checks"]] == []
    assert len(report["passed_checks"]) > 200
    suppressed = [skipped["check_id"] for skipped in report["skipped_checks"]]
    assert sorted(suppressed) == sorted(SUPPRESSED * len(ENVIRONMENTS))
    assert all(skipped["check_result"]["suppress_comment"] for skipped in report["skipped_checks"])


def test_yaml_is_clean(web_api_service: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "yamllint", "--strict", "deploy/kubernetes"],
        cwd=web_api_service, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "")


def test_unit_tests_of_the_alerts_pass(web_api_service: Path) -> None:
    assert shutil.which("promtool"), PROMTOOL
    done = subprocess.run([web_api_service / "scripts/test-alerts.sh"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("availability", "latency_target", "minimum_failures"), [("94", "94", "500"), ("99.99", "99.9", "1")]
)
def test_unit_tests_of_the_alerts_pass_for_other_objectives(
    sm: Sm, tmp_path: Path, availability: str, latency_target: str, minimum_failures: str
) -> None:
    done = sm(
        "create-microservice", "orders", "--pattern", "web_api", "--cloud", "aws", "--output-dir", tmp_path,
        "--set", f"slo.availability={availability}", "--set", f"slo.latency_target={latency_target}",
        "--set", f"slo.minimum_failures={minimum_failures}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tested = subprocess.run([tmp_path / "orders/scripts/test-alerts.sh"], capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_has_a_unit_test(tree: Tree) -> None:
    tests = "\n".join(tree[path] for path in tree.glob("deploy/kubernetes/tests/*.test.yaml"))
    alerts = {
        rule["alert"]
        for manifest in manifests(tree, "prod")
        if manifest["kind"] == "PrometheusRule"
        for group in manifest["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }

    assert alerts
    assert {alert for alert in alerts if alert not in tests} == set()


def test_only_production_pages(tree: Tree) -> None:
    for environment in ENVIRONMENTS:
        rules = [m for m in manifests(tree, environment) if m["kind"] == "PrometheusRule"]
        assert ("severity: page" in yaml.safe_dump_all(rules)) == (environment == "prod")
