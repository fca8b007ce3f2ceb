"""The real core on good trees: validate, test, plan, apply; and that the user's tree stays as it is."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from standardized_modules.terraform_offline import CoreFailedError, TerraformCore, executable
from standardized_modules.terraform_offline.provider import OfflineProvider

from .conftest import HCL


@pytest.mark.parametrize("folder", ["aws", "azurerm", "write_only"])
def test_good_tree_has_no_diagnostics(core: TerraformCore, folder: str) -> None:
    assert core.validate(HCL / folder) == []
    assert core.fmt_check(HCL / folder) == []


def test_unformatted_file_is_named(core: TerraformCore, changed: Callable[[str, str, str], Path]) -> None:
    directory = changed("aws", "  scope = ", "  scope   = ")
    assert core.fmt_check(directory) == ["resources.tf"]


@pytest.mark.parametrize(("folder", "runs"), [("aws", 2), ("azurerm", 1)])
def test_terraform_test_runs_with_mock_provider(core: TerraformCore, folder: str, runs: int) -> None:
    result = core.test(HCL / folder)
    assert result.ok, result.diagnostics
    assert (result.passed, result.failed, result.errored, result.skipped) == (runs, 0, 0, 0)


def test_failed_assertion_is_counted_and_placed(core: TerraformCore, changed: Callable[[str, str, str], Path]) -> None:
    result = core.test(changed("aws", "visibility_timeout_seconds = 180", "visibility_timeout_seconds = 181"))
    assert not result.ok
    assert (result.passed, result.failed) == (1, 1)
    assert [(item.summary, item.file, item.line) for item in result.diagnostics] == [
        ("Test assertion failed", "queues.tftest.hcl", 19)
    ]


def test_directory_without_tests_is_not_ok(core: TerraformCore) -> None:
    assert not core.test(HCL / "write_only").ok


def test_values_and_options_from_outside_decide_nothing(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('variable "name" {\n  type = string\n}\n')
    outside = {"TF_VAR_name": "from outside", "TF_CLI_ARGS_apply": "-var=name=x"}
    core = TerraformCore.find({"PATH": os.environ["PATH"], **outside})

    assert not outside.keys() & core.environment.keys()
    with pytest.raises(CoreFailedError, match="No value for required variable"):
        core.apply(tmp_path)


def test_plan_after_apply_is_empty(core: TerraformCore) -> None:
    with core.workspace(HCL / "azurerm") as workspace:
        workspace.apply()
        plan = workspace.plan()
    actions = {action for item in plan["resource_changes"] for action in item["change"]["actions"]}
    assert actions == {"no-op"}


def test_second_plan_is_empty_and_a_changed_argument_is_an_update(core: TerraformCore) -> None:
    with core.workspace(HCL / "aws") as workspace:
        workspace.apply()
        unchanged = workspace.plan()
        file = workspace.path / "resources.tf"
        file.write_text(
            file.read_text().replace("visibility_timeout_seconds = 180", "visibility_timeout_seconds = 240")
        )
        plan = workspace.plan()
    actions = {item["address"]: item["change"]["actions"] for item in plan["resource_changes"]}
    assert {action for item in unchanged["resource_changes"] for action in item["change"]["actions"]} == {"no-op"}
    assert actions["aws_sqs_queue.jobs"] == ["update"]
    assert not {"create", "delete"} & {action for each in actions.values() for action in each}


def test_applied_state_has_fakes_answers_and_merged_tags(core: TerraformCore) -> None:
    state = core.apply(HCL / "aws")
    values = {item["address"]: item["values"] for item in state["values"]["root_module"]["resources"]}
    queue = values["aws_sqs_queue.jobs"]
    assert queue["tags_all"] == {"Service": "orders", "Queue": "jobs"}
    assert queue["arn"].startswith("arn:aws:sqs:")
    assert queue["kms_master_key_id"] == values["aws_kms_key.main"]["arn"]
    assert state["values"]["outputs"]["account_id"]["value"] == "000000000000"
    policy = json.loads(state["values"]["outputs"]["policy"]["value"])
    assert policy["Statement"] == [
        {"Sid": "Send", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue["arn"]}
    ]


def test_computed_values_are_unknown_in_a_plan(core: TerraformCore) -> None:
    plan = core.plan(HCL / "aws")
    changes = {item["address"]: item["change"] for item in plan["resource_changes"]}
    assert changes["aws_sqs_queue.jobs"]["after_unknown"]["url"] is True
    assert changes["aws_sqs_queue.jobs"]["after"]["visibility_timeout_seconds"] == 180


def test_write_only_value_reaches_the_provider_and_not_the_state(
    core: TerraformCore, providers: list[OfflineProvider]
) -> None:
    state = core.apply(HCL / "write_only")
    (instance,) = state["values"]["root_module"]["resources"]
    assert instance["values"]["password_wo"] is None
    assert instance["values"]["password_wo_version"] == 1
    aws = next(provider for provider in providers if provider.name == "aws")
    sent = [config for procedure, kind, config in aws.requests if (procedure, kind) == ("Validate", "aws_db_instance")]
    assert any(config["password_wo"] for config in sent)


def test_variable_files_are_read(core: TerraformCore, tmp_path: Path) -> None:
    shutil.copytree(HCL / "aws", tmp_path, dirs_exist_ok=True)
    (tmp_path / "prod.tfvars").write_text('name = "billing"\n')
    plan = core.plan(tmp_path, ["prod.tfvars"])
    assert plan["variables"]["name"]["value"] == "billing"


def test_users_tree_is_never_written(core: TerraformCore, tmp_path: Path) -> None:
    shutil.copytree(HCL / "aws", tmp_path, dirs_exist_ok=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    core.validate(tmp_path)
    core.plan(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_local_modules_outside_the_directory_come_along(core: TerraformCore, tmp_path: Path) -> None:
    shared, root = tmp_path / "modules" / "queue", tmp_path / "deploy"
    shared.mkdir(parents=True)
    root.mkdir()
    (shared / "main.tf").write_text('resource "aws_sqs_queue" "this" {\n  visibility_timeout_secs = 1\n}\n')
    (root / "main.tf").write_text('module "queue" {\n  source = "../modules/queue"\n}\n')
    (found,) = core.validate(root)
    assert found.summary == "Unsupported argument"
    assert (found.file, found.line) == ("../modules/queue/main.tf", 2)


def test_error_in_a_backend_block_is_found(core: TerraformCore, changed: Callable[[str, str, str], Path]) -> None:
    found = core.init(changed("aws", 'backend "s3" {}', 'backend "s4" {}'), backend=True)
    assert [item.summary for item in found] == ["Unsupported backend type"]


def test_plan_of_a_broken_tree_tells_the_reason(core: TerraformCore, changed: Callable[[str, str, str], Path]) -> None:
    with pytest.raises(CoreFailedError, match="Unsupported argument"):
        core.plan(changed("aws", "visibility_timeout_seconds = 180", "visibility_timeout_secs = 180"))


def test_missing_cli_configuration_file_does_no_harm(core: TerraformCore, tmp_path: Path) -> None:
    environment = {**core.environment, "TF_CLI_CONFIG_FILE": str(tmp_path / "gone.tfrc"), "TF_LOG": "trace"}
    assert TerraformCore.find(environment).validate(HCL / "azurerm") == []


def test_core_is_new_enough(core: TerraformCore) -> None:
    assert core.executable.version >= executable.MINIMUM
