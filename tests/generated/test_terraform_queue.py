"""deploy/terraform of workers on both clouds: the real Terraform core, offline providers, no account."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standardized_modules.checks.terraform._session import DEFAULTS
from standardized_modules.terraform_offline import Workspace
from tests.conftest import run_sm
from tests.generated.offline_core import offline_core

ENVIRONMENTS = ("dev", "staging", "prod")
LONG_NAME = "abcdefghij" * 4
SERVICES = {
    "aws": ("orders", "aws"),
    "aws ordered": ("orders", "aws", "queue.ordered=true"),
    "azure": ("orders", "azure"),
    "azure premium": (
        LONG_NAME,
        "azure",
        "queue.ordered=true",
        "queue.tier=premium",
        "queue.visibility_timeout=90",
        "queue.retention=270030",
    ),
}
PLACEHOLDERS = {
    "00000000-0000-0000-0000-000000000000": "11111111-2222-3333-4444-555555555555",
    "000000000000": "111122223333",
    "replace-me": "main",
}
OUTPUTS = {
    "aws": {"dead_letter_queue_url", "dns_cidr", "idempotency_table", "keda_role_arn", "queue_url"},
    "azure": {"client_id", "idempotency_endpoint", "keda_client_id", "queue_namespace", "queue_namespace_name"},
}
Applied = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Cloud and Terraform of a service as its owner leaves it: with values in place of the placeholders."""
    name, cloud, *values = SERVICES[request.param]
    folder = tmp_path_factory.mktemp("service")
    options = [part for value in values for part in ("--set", value)]
    done = run_sm("create-microservice", name, "--pattern", "background_worker", "--cloud", cloud, *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    directory = folder / name / "deploy/terraform"
    for file in directory.glob("environments/*"):
        text = file.read_text()
        for placeholder, value in PLACEHOLDERS.items():
            text = text.replace(placeholder, value)
        file.write_text(text)
    return cloud, directory


@pytest.fixture(scope="module")
def workspace(service: tuple[str, Path]) -> Iterator[Workspace]:
    """An initialised copy whose providers are served from this process."""
    _, directory = service
    with offline_core(directory, answers=DEFAULTS) as core, core.workspace(directory) as opened:
        assert opened.init() == []
        yield opened


@pytest.fixture(scope="module")
def applied(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """The state of every environment. A second plan, made at once, has nothing to do."""
    states = {}
    for environment in ENVIRONMENTS:
        for left in workspace.path.glob("terraform.tfstate*"):
            left.unlink()
        variables = [f"environments/{environment}.tfvars"]
        states[environment] = workspace.apply(variables)
        again = workspace.plan(variables)["resource_changes"]
        assert {change["change"]["actions"][0] for change in again} <= {"no-op", "read"}
    return states


def resources(state: dict[str, Any]) -> Applied:
    return {
        item["address"]: {"type": item["type"], **item["values"]}
        for item in state["values"]["root_module"]["resources"]
        if item["mode"] == "managed"
    }


def of_type(state: dict[str, Any], kind: str) -> Applied:
    return {address: values for address, values in resources(state).items() if values["type"] == kind}


def test_is_formatted_and_valid(workspace: Workspace) -> None:
    assert workspace.core.fmt_check(workspace.path) == []
    assert workspace.validate() == []


def test_own_tests_pass_and_none_is_skipped(workspace: Workspace) -> None:
    tests = (workspace.path / "tests").glob("*.tftest.hcl")
    written = sum(len(re.findall(r"^run ", file.read_text(), re.MULTILINE)) for file in tests)
    result = workspace.core.test(workspace.path)
    assert result.ok, result.diagnostics
    assert result.passed == written > 20
    assert result.skipped == 0


def test_manifests_get_all_they_need(service: tuple[str, Path], applied: dict[str, dict[str, Any]]) -> None:
    cloud, _ = service
    for environment, state in applied.items():
        handed = state["values"]["outputs"]["kubernetes"]["value"]
        assert set(handed) == OUTPUTS[cloud], environment
        assert all(isinstance(value, str) and value for value in handed.values()), environment


def test_everything_that_can_be_is_tagged(service: tuple[str, Path], applied: dict[str, dict[str, Any]]) -> None:
    cloud, _ = service
    argument = {"aws": "tags_all", "azure": "tags"}[cloud]
    tagged = {name: values[argument] or {} for name, values in resources(applied["prod"]).items() if argument in values}
    assert len(tagged) >= 5
    for name, tags in tagged.items():
        assert {"Service", "Environment", "Owner", "ManagedBy"} <= set(tags), name


def test_nobody_gets_more_than_the_service_owns(service: tuple[str, Path], applied: dict[str, dict[str, Any]]) -> None:
    cloud, _ = service
    state = applied["prod"]
    if cloud == "aws":
        policies = of_type(state, "aws_iam_role_policy")
        owned = {values.get("arn") for values in resources(state).values()}
        for address, values in policies.items():
            for statement in json.loads(values["policy"])["Statement"]:
                named = statement["Resource"]
                assert set(named if isinstance(named, list) else [named]) <= owned, address
        assert {each["role"] for each in policies.values()} == {
            each["id"] for each in of_type(state, "aws_iam_role").values()
        }
    else:
        assignments = of_type(state, "azurerm_role_assignment")
        owned = {values["id"] for values in of_type(state, "azurerm_servicebus_queue").values()}
        owned |= {values["resource_manager_id"] for values in of_type(state, "azurerm_storage_table").values()}
        assert {values["scope"] for values in assignments.values()} == owned


def test_names_are_ones_that_the_cloud_takes(service: tuple[str, Path], applied: dict[str, dict[str, Any]]) -> None:
    cloud, _ = service
    if cloud == "aws":
        ordered = {values["fifo_queue"] for values in of_type(applied["prod"], "aws_sqs_queue").values()}
        assert len(ordered) == 1
        return
    for kind, limit in (("azurerm_servicebus_namespace", 50), ("azurerm_storage_account", 24)):
        names = [values["name"] for state in applied.values() for values in of_type(state, kind).values()]
        assert len(set(names)) == len(names) == len(ENVIRONMENTS), "unique in all of Azure"
        assert max(map(len, names)) <= limit
