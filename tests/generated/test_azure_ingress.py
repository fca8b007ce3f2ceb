"""A web_api on Azure, public and private: two ways in, of different kinds, for the same routes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from standardized_modules.checks import Check, Tree, discover
from tests.conftest import run_sm

CHECKS = tuple(
    check for check in discover() if check.ID.startswith("SM2") or check.ID in ("SM301", "SM302", "SM303", "SM305")
)
EXPOSURES = ("internet", "internal")
OF_APPLICATION_GATEWAY = {"FrontendTLSPolicy", "HealthCheckPolicy", "RoutePolicy", "WebApplicationFirewallPolicy"}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    @cache
    def made(exposure: str) -> Path:
        folder = tmp_path_factory.mktemp(exposure)
        done = run_sm(
            "create-microservice", "orders", "--pattern", "web_api", "--cloud", "azure",
            "--set", f"ingress.exposure={exposure}", cwd=folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return folder / "orders"

    return made


@pytest.fixture(scope="module")
def trees(services: Callable[[str], Path]) -> Callable[[str], Tree]:
    return cache(lambda exposure: Tree.read(services(exposure)))


def objects(tree: Tree, kind: str, environment: str = "prod") -> list[dict[str, Any]]:
    overlay = next(each for each in tree.overlays if each.name == environment)
    assert not overlay.error
    return list(overlay.of(kind))


@pytest.mark.parametrize("exposure", EXPOSURES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.ID)
def test_check_is_clean(trees: Callable[[str], Tree], exposure: str, check: Check) -> None:
    assert list(check.check(trees(exposure))) == []


@pytest.mark.parametrize("exposure", EXPOSURES)
def test_routes_are_the_same_and_their_time_is_limited(trees: Callable[[str], Tree], exposure: str) -> None:
    tree = trees(exposure)
    routes = {each["metadata"]["name"]: each["spec"]["rules"][0] for each in objects(tree, "HTTPRoute")}
    assert set(routes) == {"orders", "orders-redirect", "orders-probes"}
    limits = [each["spec"]["default"]["timeouts"]["routeTimeout"] for each in objects(tree, "RoutePolicy")]
    assert [*limits, *(rule["timeouts"]["request"] for rule in routes.values() if "timeouts" in rule)] == ["20s"]


def test_a_private_service_has_nothing_of_a_public_one(
    services: Callable[[str], Path], trees: Callable[[str], Tree]
) -> None:
    tree = trees("internal")
    assert not [kind for kind in OF_APPLICATION_GATEWAY if objects(tree, kind)]
    terraform = "\n".join(file.read_text() for file in services("internal").glob("deploy/terraform/*.tf"))
    for word in ("application_load_balancer", "web_application_firewall", "azurerm_dns_", "public_ip"):
        assert word not in terraform
    access = (services("internal") / "deploy/kubernetes/access/prod.yaml").read_text()
    assert "alb.networking.azure.io" not in access


def test_the_gateway_is_private_and_gets_what_it_needs(trees: Callable[[str], Tree]) -> None:
    tree = trees("internal")
    (gateway,) = objects(tree, "Gateway")
    infrastructure = gateway["spec"]["infrastructure"]
    prefix = "service.beta.kubernetes.io/azure-load-balancer-"
    assert infrastructure["annotations"][f"{prefix}internal"] == "true"
    assert {f"{prefix}ipv4", f"{prefix}internal-subnet"} <= infrastructure["annotations"].keys()
    options = next(each for each in objects(tree, "ConfigMap") if each["metadata"]["name"] == "orders-gateway")
    service = yaml.safe_load(options["data"]["service"])
    assert service["spec"] == {"externalTrafficPolicy": "Local"}, "or every caller has the address of a node"
    policies = {each["metadata"]["name"]: each["spec"] for each in objects(tree, "NetworkPolicy")}
    pods = {"matchLabels": {"gateway.networking.k8s.io/gateway-name": "orders"}}
    assert policies["allow-gateway"]["podSelector"] == pods
    assert policies["allow-load-balancer"]["ingress"][0]["from"] == [{"podSelector": pods}]


def test_only_the_private_namespace_is_baseline(trees: Callable[[str], Tree]) -> None:
    label = "pod-security.kubernetes.io/enforce"
    found = {each: objects(trees(each), "Namespace")[0]["metadata"]["labels"][label] for each in EXPOSURES}
    assert found == {"internet": "restricted", "internal": "baseline"}


@pytest.mark.parametrize("exposure", EXPOSURES)
def test_unit_tests_of_the_alerts_pass(services: Callable[[str], Path], exposure: str) -> None:
    script = services(exposure) / "scripts/test-alerts.sh"
    done = subprocess.run([script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_exposure_for_all_environments(tmp_path: Path) -> None:
    done = run_sm(
        "create-microservice", "orders", "--pattern", "web_api", "--cloud", "azure",
        "--set", "dev.ingress.exposure=internal", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "ingress.exposure is internal in dev and internet elsewhere" in done.stderr
    assert "hint: set ingress.exposure once, for all environments" in done.stderr
