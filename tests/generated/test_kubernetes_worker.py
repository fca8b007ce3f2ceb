"""The manifests and alert rules of services with a worker, alone and beside web_api, on every cloud."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from standardized_modules.checks import Check, Tree, discover
from tests.conftest import Sm

CHECKS = tuple(check for check in discover() if check.ID.startswith("SM2"))
ENVIRONMENTS = ("dev", "staging", "prod")
WORKER = {
    "ConfigMap": 2,
    "Deployment": 1,
    "Namespace": 1,
    "NetworkPolicy": 5,
    "PodDisruptionBudget": 1,
    "PodMonitor": 1,
    "PrometheusRule": 3,
    "ScaledObject": 1,
    "ServiceAccount": 1,
    "TriggerAuthentication": 1,
}
KINDS = {
    "worker": WORKER,
    "worker on azure": {**WORKER, "CiliumNetworkPolicy": 1},
    "web_api and worker": {
        **WORKER,
        "Deployment": 2,
        "Gateway": 1,
        "HTTPRoute": 3,
        "HorizontalPodAutoscaler": 1,
        "ListenerRuleConfiguration": 1,
        "LoadBalancerConfiguration": 1,
        "NetworkPolicy": 6,
        "PodDisruptionBudget": 2,
        "PrometheusRule": 6,
        "Service": 1,
        "ServiceAccount": 2,
        "ServiceMonitor": 1,
        "TargetGroupConfiguration": 1,
    },
}
TreeOf = Callable[[str], Tree]
every_service = pytest.mark.parametrize("name", KINDS)


@pytest.fixture(scope="module")
def tree_of(service_folder: Callable[[str], Path]) -> TreeOf:
    """A fresh service; its overlays are built once for all tests."""
    return cache(lambda name: Tree.read(service_folder(name)))


def manifests(tree: Tree, environment: str) -> list[dict[str, Any]]:
    """The objects of one overlay."""
    overlay = next(o for o in tree.overlays if o.name == environment)
    assert not overlay.error
    return list(overlay.manifests)


def plural(kind: str) -> str:
    """The name of a kind's resource: `NetworkPolicy` is `networkpolicies`."""
    return f"{kind[:-1]}ies".lower() if kind.endswith("Policy") else f"{kind}s".lower()


def one(tree: Tree, environment: str, kind: str, name: str = "orders-worker") -> dict[str, Any]:
    """The spec of one object."""
    spec: dict[str, Any] = next(
        m["spec"] for m in manifests(tree, environment) if (m["kind"], m["metadata"]["name"]) == (kind, name)
    )
    return spec


@every_service
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.ID)
def test_check_is_clean(tree_of: TreeOf, name: str, check: Check) -> None:
    assert [f"{f.path}:{f.line}: {f.message}" for f in check.check(tree_of(name))] == []


@every_service
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_objects_of_an_environment(tree_of: TreeOf, name: str, environment: str) -> None:
    built = manifests(tree_of(name), environment)
    kinds = [manifest["kind"] for manifest in built]

    assert {kind: kinds.count(kind) for kind in set(kinds)} == KINDS[name]
    for manifest in built:
        assert manifest["metadata"].get("namespace", manifest["metadata"]["name"]) == f"orders-{environment}"


@every_service
def test_who_deploys_may_apply_every_kind(tree_of: TreeOf, name: str) -> None:
    tree = tree_of(name)
    access = list(yaml.safe_load_all(tree["deploy/kubernetes/access/prod.yaml"]))
    allowed = {
        (group, resource)
        for role in access
        if role["kind"] in ("Role", "ClusterRole")
        for rule in role["rules"]
        if {"get", "patch"} <= set(rule["verbs"])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    needed = {
        (
            manifest["apiVersion"].rpartition("/")[0],
            plural(manifest["kind"]),
        )
        for manifest in manifests(tree, "prod")
    }

    assert needed == allowed


@every_service
def test_workers_scale_to_none_outside_production_alone(tree_of: TreeOf, name: str) -> None:
    least = {each: one(tree_of(name), each, "ScaledObject")["minReplicaCount"] for each in ENVIRONMENTS}

    assert least == {"dev": 0, "staging": 0, "prod": 2}
    for environment in ENVIRONMENTS:
        scaled = one(tree_of(name), environment, "ScaledObject")
        assert scaled["fallback"]["replicas"] == max(1, least[environment])
        assert "replicas" not in one(tree_of(name), environment, "Deployment")


def test_backlog_of_a_pod_follows_from_the_latency_goal(sm: Sm, tmp_path: Path) -> None:
    done = sm(
        "create-microservice", "orders", "--pattern", "background_worker", "--cloud", "aws", "--output-dir", tmp_path,
        "--set", "worker.acceptable_latency=100", "--set", "worker.processing_time=30", "--set", "queue.throughput=1",
        "--set", "queue.visibility_timeout=180", "--set", "worker.cold_start=15", "--set", "worker.max_replicas=9",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scaled = one(Tree.read(tmp_path / "orders"), "dev", "ScaledObject")

    assert scaled["triggers"][0]["metadata"]["queueLength"] == "33", "100 / 30 * 10, rounded down"
    assert scaled["pollingInterval"] == 10, "two thirds of a cold start"


def test_nobody_can_connect_to_a_worker_but_prometheus(tree_of: TreeOf) -> None:
    built = manifests(tree_of("worker"), "prod")
    admitted = [
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for manifest in built
        if manifest["kind"] == "NetworkPolicy"
        for rule in manifest["spec"].get("ingress", ())
        for peer in rule["from"]
        for port in rule["ports"]
    ]

    assert admitted == [("monitoring", "metrics")]
    assert "Service" not in {manifest["kind"] for manifest in built}


@every_service
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_worker_shares_no_identity_with_an_api(tree_of: TreeOf, name: str, environment: str) -> None:
    accounts = {
        m["metadata"]["name"]: m["spec"]["template"]["spec"]["serviceAccountName"]
        for m in manifests(tree_of(name), environment)
        if m["kind"] == "Deployment"
    }
    together = {"orders": "orders", "orders-worker": "orders-worker"}
    assert accounts == (together if name == "web_api and worker" else {"orders-worker": "orders"})


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_traces_that_begin_at_the_api_go_on_in_the_worker(tree_of: TreeOf, environment: str) -> None:
    """Strangers call the API, and their wish to be traced is not heard; the worker's callers are ours."""
    objects = manifests(tree_of("web_api and worker"), environment)
    (settings,) = (m["data"] for m in objects if m["kind"] == "ConfigMap" and "APP_ENVIRONMENT" in m["data"])
    trusts = {}
    for each in (m for m in objects if m["kind"] == "Deployment"):
        (container,) = each["spec"]["template"]["spec"]["containers"]
        own = {variable["name"]: variable["value"] for variable in container.get("env", ())}
        trusts[container["name"]] = {**settings, **own}["APP_TRUST_TRACE_CONTEXT"]
    assert trusts == {"api": "false", "worker": "true"}


@every_service
def test_a_placeholder_for_every_output_and_no_more(tree_of: TreeOf, name: str) -> None:
    tree = tree_of(name)
    overlay = "deploy/kubernetes/overlays/prod/"
    given = set(re.findall(r"^([a-z_]+)=", tree[f"{overlay}terraform-outputs.env"], re.MULTILINE))

    assert given == set(re.findall(r"fieldPath: data\.([a-z_]+)", tree[f"{overlay}kustomization.yaml"]))


@every_service
def test_unit_tests_of_the_alerts_pass(service_folder: Callable[[str], Path], name: str) -> None:
    done = subprocess.run(
        [service_folder(name) / "scripts/test-alerts.sh"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "values",
    [
        ("worker.processing_time=1", "worker.acceptable_latency=5", "worker.cold_start=5", "queue.throughput=5"),
        ("worker.processing_time=3600", "worker.acceptable_latency=86400", "worker.cold_start=900",
         "queue.throughput=1", "worker.max_replicas=400", "queue.visibility_timeout=21600"),
    ],
    ids=["seconds", "hours"],
)  # fmt: skip
def test_unit_tests_of_the_alerts_pass_for_other_goals(sm: Sm, tmp_path: Path, values: tuple[str, ...]) -> None:
    options = [option for value in values for option in ("--set", value)]
    done = sm(
        "create-microservice", "orders", "--pattern", "background_worker", "--cloud", "aws", "--output-dir", tmp_path,
        *options,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tested = subprocess.run([tmp_path / "orders/scripts/test-alerts.sh"], capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stdout + tested.stderr


@every_service
def test_every_alert_has_a_unit_test_and_only_production_pages(tree_of: TreeOf, name: str) -> None:
    tree = tree_of(name)
    tests = "\n".join(tree[path] for path in tree.glob("deploy/kubernetes/tests/*.test.yaml"))
    for environment in ENVIRONMENTS:
        rules = [
            rule
            for manifest in manifests(tree, environment)
            if manifest["kind"] == "PrometheusRule"
            for group in manifest["spec"]["groups"]
            for rule in group["rules"]
            if "alert" in rule
        ]
        assert {rule["alert"] for rule in rules if rule["alert"] not in tests} == set()
        assert any(rule["labels"]["severity"] == "page" for rule in rules) == (environment == "prod")


@every_service
def test_panels_of_the_dashboard_do_not_overlap(tree_of: TreeOf, name: str) -> None:
    model = json.loads(tree_of(name)["deploy/kubernetes/overlays/prod/dashboards/overview.json"])
    cells = [
        (x, y)
        for panel in model["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len(cells) == len(set(cells))


@every_service
def test_yaml_is_clean(service_folder: Callable[[str], Path], name: str) -> None:
    done = subprocess.run(
        ["yamllint", "--strict", "deploy/kubernetes"],
        cwd=service_folder(name), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "")
