"""What services have on Azure: Terraform, the registry, the pipeline's access, scripts/deploy.sh.

Terraform by a pattern of its own, so that no queue and no API is in the way. Terraform is the real core with offline
providers; the script runs for real against stand-ins that record and answer.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from standardized_modules.checks.terraform._session import DEFAULTS
from standardized_modules.terraform_offline import TerraformCore
from tests.conftest import run_sm
from tests.generated.offline_core import offline_core

CATALOG = """\
version: 1
patterns:
  foundation:
    title: Foundation
    version: 1.0.0
    summary: What every service has.
    use_when: [Something needs a place in the cloud.]
    avoid_when: [It should do something.]
    capabilities: [observability, container_registry, workload_identity, delivery]
"""
GATEWAY = "/subscriptions/1/resourceGroups/rg-orders-staging/providers/Microsoft.ServiceNetworking/trafficControllers/a"
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
CLIENT = "22222222-3333-4444-5555-666666666666"
IMAGE = "shopimages.azurecr.io/orders@sha256:" + "ab" * 32
OUTPUTS = {
    "client_id": CLIENT,
    "hostname": "orders.staging.example.com",
    "gateway_id": GATEWAY,
    "frontend_name": "public",
    "firewall_policy_id": f"{GATEWAY}/waf",
    "load_balancer_cidr": "10.20.8.0/24",
}
TOOLS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def generated(folder: Path, pattern: str) -> Path:
    """The service as its owner leaves it: with values in place of the placeholders."""
    (folder / "catalog.yaml").write_text(CATALOG)
    done = run_sm(
        "create-microservice", "orders", "--pattern", pattern, "--cloud", "azure", "--catalog", "catalog.yaml",
        "--set", "delivery.organization=shop", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for file in (folder / "orders/deploy/terraform").rglob("*.*"):
        if file.suffix in (".tfvars", ".tfbackend"):
            text = file.read_text().replace("00000000-0000-0000-0000-000000000000", SUBSCRIPTION)
            file.write_text(text.replace("replace-me@", "on-call@").replace("replace-me", "shopimages"))
    return folder / "orders"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(tmp_path_factory.mktemp("azure"), "foundation")


@pytest.fixture(scope="module")
def core(service: Path) -> Iterator[TerraformCore]:
    terraform = service / "deploy/terraform"
    with offline_core(terraform, terraform / "registry", answers=DEFAULTS) as started:
        yield started


def resources(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    items = state["values"]["root_module"]["resources"]
    return {item["address"]: item["values"] for item in items if item["mode"] == "managed"}


@pytest.mark.parametrize("root", [".", "registry"])
def test_terraform_is_formatted_valid_and_passes_its_own_tests(core: TerraformCore, service: Path, root: str) -> None:
    folder = service / "deploy/terraform" / root
    assert core.fmt_check(folder) == []
    assert core.validate(folder) == []
    written = sum(len(re.findall(r"^run ", file.read_text(), re.MULTILINE)) for file in folder.glob("tests/*.hcl"))
    result = core.test(folder)
    assert result.ok, result.diagnostics
    assert result.passed == written > 3
    assert result.skipped == 0


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_an_environment_has_names_and_tags_of_its_own(core: TerraformCore, service: Path, environment: str) -> None:
    state = core.apply(service / "deploy/terraform", [f"environments/{environment}.tfvars"])
    made = resources(state)
    credential = made["azurerm_federated_identity_credential.workload"]
    assert credential["subject"] == f"system:serviceaccount:orders-{environment}:orders"
    assert made["azurerm_user_assigned_identity.workload"]["name"] == f"id-orders-{environment}"
    assert state["values"]["outputs"]["kubernetes"]["value"]["client_id"]
    assert not [name for name in made if name.startswith("azurerm_role_assignment")], "no right until one is needed"
    tagged = {name: values["tags"] for name, values in made.items() if "tags" in values}
    assert tagged
    assert all(tags["Environment"] == environment for tags in tagged.values())


def test_the_pipeline_that_builds_may_push_to_this_registry_and_nothing_else(
    core: TerraformCore, service: Path, tmp_path: Path
) -> None:
    variables = tmp_path / "github.tfvars"
    variables.write_text('github_subject_prefix = "repo:shop@1/orders@2"\n')
    made = resources(core.apply(service / "deploy/terraform/registry", ["registry.tfvars", str(variables)]))
    grants = {name: values for name, values in made.items() if name.startswith("azurerm_role_assignment")}
    assert sorted(values["role_definition_name"] for values in grants.values()) == ["AcrPush", "Reader"]
    assert {values["scope"] for values in grants.values()} == {made["azurerm_container_registry.service"]["id"]}
    subjects = {values["subject"] for name, values in made.items() if "federated" in name}
    assert subjects == {f"repo:shop@1/orders@2:environment:{name}" for name in ("build", "build-dev")}


def test_pods_get_the_identity_that_terraform_made(service: Path) -> None:
    overlay = subprocess.run(
        ["kubectl", "kustomize", service / "deploy/kubernetes/overlays/staging"],
        env={**os.environ, "PATH": TOOLS}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    objects = {item["kind"]: item for item in yaml.safe_load_all(overlay.stdout)}
    annotations = objects["ServiceAccount"]["metadata"]["annotations"]
    assert annotations == {"azure.workload.identity/client-id": "00000000-0000-0000-0000-000000000000"}


def test_workflows_hold_no_secret_and_long_applies_get_tokens_of_their_own(service: Path) -> None:
    texts = {file.name: file.read_text() for file in (service / ".github/workflows").iterdir()}
    assert not any("secrets." in text for text in texts.values())
    (deploy,) = yaml.safe_load(texts["deploy-environment.yaml"])["jobs"].values()
    (step,) = (step for step in deploy["steps"] if step["name"] == "Deploy")
    assert step["env"]["ARM_USE_OIDC"] == "true"
    assert deploy["permissions"]["id-token"] == "write"


TERRAFORM = """#!/usr/bin/env bash
echo "terraform $*" >>"$RECORD"
case "$*" in
  *"output -json kubernetes") echo "$OUTPUTS" ;;
  *"output -raw "*) echo -n "the-${*: -1}" ;;
esac
"""
KUBECTL = """#!/usr/bin/env bash
[[ $1 != kustomize ]] || exec "$REAL_KUBECTL" "$@"
echo "kubectl $* in $KUBECONFIG" >>"$RECORD"
case "$*" in
  "get namespace"*) echo namespace/it ;;
  api-resources*) cat "$KINDS" ;;
  apply*) cp "${@: -1}" "$APPLIED" ;;
  *" wait $NEVER"*) exit 1 ;;
esac
"""
AZ = """#!/usr/bin/env bash
echo "az $*" >>"$RECORD"
case "$1 $2" in
  "acr login") echo token ;;
  "acr repository") echo "$FOUND" ;;
esac
"""
KUBELOGIN = """#!/usr/bin/env bash
echo "kubelogin $*" >>"$RECORD"
"""
COSIGN = """#!/usr/bin/env bash
echo "cosign $*" >>"$RECORD"
[[ $1 != login || $(cat) == token ]]
"""
KINDS = """
configmaps      cm     v1                       true  ConfigMap
namespaces      ns     v1                       false Namespace
serviceaccounts sa     v1                       true  ServiceAccount
networkpolicies netpol networking.k8s.io/v1     true  NetworkPolicy
prometheusrules prule  monitoring.coreos.com/v1 true  PrometheusRule
servicemonitors smon   monitoring.coreos.com/v1 true  ServiceMonitor
podmonitors     pmon   monitoring.coreos.com/v1 true  PodMonitor
services        svc    v1                       true  Service
deployments     deploy apps/v1                  true  Deployment
horizontalpodautoscalers hpa autoscaling/v2     true  HorizontalPodAutoscaler
poddisruptionbudgets pdb policy/v1              true  PodDisruptionBudget
gateways        gtw    gateway.networking.k8s.io/v1 true Gateway
httproutes      route  gateway.networking.k8s.io/v1 true HTTPRoute
certificates    cert   cert-manager.io/v1       true  Certificate
ciliumnetworkpolicies cnp cilium.io/v2          true  CiliumNetworkPolicy
frontendtlspolicies ftp alb.networking.azure.io/v1 true FrontendTLSPolicy
healthcheckpolicies hcp alb.networking.azure.io/v1 true HealthCheckPolicy
routepolicies   rp     alb.networking.azure.io/v1 true RoutePolicy
webapplicationfirewallpolicies waf alb.networking.azure.io/v1 true WebApplicationFirewallPolicy
"""


class Script:
    """A script of the service, run with the stand-ins on PATH."""

    def __init__(self, service: Path, folder: Path) -> None:
        self.service, self.folder = service, folder
        (folder / "bin").mkdir()
        (folder / "kinds").write_text(KINDS)
        tools = {"terraform": TERRAFORM, "kubectl": KUBECTL, "az": AZ, "kubelogin": KUBELOGIN, "cosign": COSIGN}
        for name, text in tools.items():
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)

    def run(self, *arguments: str, **answers: str) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": f"{self.folder / 'bin'}:{TOOLS}",
            "HOME": str(self.folder),
            "KUBECONFIG": "the-users-own",
            "REAL_KUBECTL": str(shutil.which("kubectl", path=TOOLS)),
            "RECORD": str(self.folder / "record"),
            "APPLIED": str(self.folder / "applied.yaml"),
            "KINDS": str(self.folder / "kinds"),
            "OUTPUTS": json.dumps(OUTPUTS),
            "NEVER": "nothing",
            **answers,
        }
        command: list[Path | str] = [self.service / "scripts" / arguments[0], *arguments[1:]]
        return subprocess.run(
            command, cwd=self.service, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    @property
    def record(self) -> str:
        return (self.folder / "record").read_text()


def runnable(service: Path, tmp_path: Path) -> Script:
    copy = tmp_path / "orders"
    shutil.copytree(service, copy)
    owners = copy / ".github/CODEOWNERS"
    owners.write_text(owners.read_text().replace("example-org", "shop"))
    for command in (
        ["init", "--quiet"],
        ["remote", "add", "origin", "git@github.com:shop/orders.git"],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--allow-empty", "--quiet", "--message=a"],
    ):
        subprocess.run(["git", *command], cwd=copy, check=True, capture_output=True)
    return Script(copy, tmp_path)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated(tmp_path_factory.mktemp("azure-api"), "web_api")


@pytest.fixture
def script(api: Path, tmp_path: Path) -> Script:
    return runnable(api, tmp_path)


def test_deploys_to_the_cluster_that_terraform_names(script: Script) -> None:
    done = script.run("deploy.sh", "--yes", "staging", IMAGE)
    assert done.returncode == 0, done.stderr
    assert "--subscription the-subscription_id --resource-group the-cluster_resource_group --name the-cluster_name" in (
        script.record
    )
    assert "kubelogin convert-kubeconfig --login azurecli" in script.record
    assert "in the-users-own" not in script.record
    assert CLIENT in (script.folder / "applied.yaml").read_text()


def test_reads_signatures_with_a_token_of_the_registry(script: Script) -> None:
    assert script.run("deploy.sh", "--yes", "staging", IMAGE).returncode == 0
    assert "az acr login --only-show-errors --name shopimages --expose-token" in script.record
    assert "cosign login --username 00000000-0000-0000-0000-000000000000" in script.record


def test_in_actions_kubectl_signs_in_with_tokens_of_github(script: Script) -> None:
    job = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "shop/orders",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://example.com",
    }
    done = script.run("deploy.sh", "staging", IMAGE, **job)
    assert done.returncode == 0, done.stderr
    assert "kubelogin convert-kubeconfig --login workloadidentity" in script.record


def test_refuses_an_image_of_another_cloud(script: Script) -> None:
    done = script.run("deploy.sh", "--yes", "staging", IMAGE.replace("shopimages.azurecr.io", "ghcr.io"))
    assert done.returncode == 1
    assert "is not in a registry of Azure" in done.stderr
    assert not (script.folder / "record").exists(), "nothing may have been asked or changed"


def test_finds_the_image_of_a_commit(script: Script) -> None:
    done = script.run("find-image.sh", FOUND="sha256:" + "ab" * 32)
    assert (done.returncode, done.stdout.strip()) == (0, IMAGE)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=script.service, capture_output=True, text=True, check=True
    )
    assert f"starts_with(name, '{commit.stdout.strip()}-')" in script.record


def test_says_so_when_there_is_no_image(script: Script) -> None:
    done = script.run("find-image.sh", FOUND="")
    assert done.returncode == 1
    assert "the registry has no image of commit" in done.stderr


def test_says_so_when_the_registry_is_not_named(script: Script) -> None:
    values = script.service / "deploy/terraform/registry/registry.tfvars"
    values.write_text(values.read_text().replace("shopimages", "replace-me"))
    done = script.run("find-image.sh", FOUND="")
    assert done.returncode == 1
    assert "which is no registry" in done.stderr


def test_an_api_waits_for_its_certificate_and_then_for_the_load_balancer(script: Script) -> None:
    done = script.run("deploy.sh", "--yes", "staging", IMAGE)
    assert done.returncode == 0, done.stderr
    waits = re.findall(r"kubectl -n orders-staging (?:rollout status|wait) (\S+)", script.record)
    assert waits == ["deployment/orders", "certificate/orders", "gateway/orders"]
    objects = {item["kind"]: item for item in yaml.safe_load_all((script.folder / "applied.yaml").read_text())}
    assert objects["Gateway"]["metadata"]["annotations"]["alb.networking.azure.io/alb-id"] == GATEWAY
    assert objects["Gateway"]["spec"]["addresses"] == [
        {"type": "alb.networking.azure.io/alb-frontend", "value": "public"}
    ]
    assert objects["Certificate"]["spec"]["dnsNames"] == [OUTPUTS["hostname"]]
    assert objects["WebApplicationFirewallPolicy"]["spec"]["webApplicationFirewall"] == {"id": f"{GATEWAY}/waf"}


def test_an_api_without_a_certificate_says_where_to_look(script: Script) -> None:
    done = script.run("deploy.sh", "--yes", "staging", IMAGE, NEVER="certificate/orders")
    assert done.returncode == 1
    assert "there is no certificate after 10 minutes" in done.stderr
    assert "kubectl -n orders-staging describe certificate,certificaterequest" in done.stderr
