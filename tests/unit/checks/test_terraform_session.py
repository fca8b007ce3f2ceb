"""What the Terraform checks do where there is no schema to be had."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from standardized_modules.checks import Tree, index
from standardized_modules.checks.terraform import encryption, valid
from standardized_modules.checks.terraform._policies import sample
from standardized_modules.verification.workers import run_check


def test_schemas_that_can_not_be_fetched_are_a_check_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    check = next(each for each in index() if each.id == valid.ID)

    outcome = run_check(Tree(valid.GOOD), check)

    assert outcome.status == "not run"
    assert "cdktn-provider-aws" in outcome.reason
    assert "copy the wheel" in outcome.hint


def found(files: Mapping[str, str]) -> list[str]:
    return [f"{each.path}:{each.line}: {each.message}" for each in valid.check(Tree(files))]


def test_every_value_that_a_validation_refuses_is_named_with_its_line() -> None:
    rule = 'variable "NAME" {\n  type = string\n  validation {\n    condition     = var.NAME == "x"\n'
    rule += '    error_message = "NAME must be x."\n  }\n}\n'
    files = sample(
        rule.replace("NAME", "a") + rule.replace("NAME", "b"),
        **{"deploy/terraform/environments/prod.tfvars": 'a = "1"\n\nb = "2"\n'},
    )

    assert sorted(each.partition(" This")[0] for each in found(files)) == [
        "deploy/terraform/environments/prod.tfvars:1: can't be applied: Invalid value for variable: a must be x.",
        "deploy/terraform/environments/prod.tfvars:3: can't be applied: Invalid value for variable: b must be x.",
    ]


def test_a_syntax_error_is_one_finding() -> None:
    assert found(sample('resource "aws_sqs_queue" "jobs" {\n  name = \n}\n')) == [
        "deploy/terraform/main.tf:2: Invalid expression: Expected the start of an expression, but found an invalid"
        " expression token."
    ]


def test_a_provider_without_offline_schemas_is_named_and_leaves_policies_not_run() -> None:
    files = sample('\nresource "datadog_monitor" "slow" {\n  name = "slow"\n}\n')

    assert found(files) == [
        "deploy/terraform/main.tf:2: No offline schemas of the provider hashicorp/datadog: There are schemas of aws, "
        "azurerm, kubernetes, random. `terraform init` installs the real provider."
    ]
    outcome = run_check(Tree(files), next(each for each in index() if each.id == encryption.ID))
    assert outcome.status == "not run"
    assert "hashicorp/datadog" in outcome.reason
