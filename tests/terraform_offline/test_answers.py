"""Data sources answer what the caller says, else what holds in any account."""

import json
from pathlib import Path

from standardized_modules.terraform_offline import TerraformCore, offline_providers
from standardized_modules.terraform_offline.answers import Answer, answer_for, policy_document
from standardized_modules.terraform_offline.fakes import fake
from standardized_modules.terraform_offline.rule_table import RULES
from standardized_modules.terraform_offline.rules import violations
from standardized_modules.terraform_offline.values import Config

LOOKUPS = """
data "aws_caller_identity" "current" {}
data "aws_vpc" "main" {
  id = "vpc-1"
}
data "aws_lbs" "all" {}
output "found" {
  value = [data.aws_caller_identity.current.account_id, data.aws_vpc.main.cidr_block, tolist(data.aws_lbs.all.arns)[0]]
}
"""


def test_answers_reach_the_plan(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(LOOKUPS)

    def vpc(config: Config) -> Config:
        return {"cidr_block": f"10.0.0.0/16 of {config['id']}"}

    answers: dict[str, Answer] = {
        "data.aws_caller_identity": {"account_id": "111122223333"},
        "data.aws_vpc": vpc,
        "data.aws_lbs": {"arns": ["arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/a/1"]},
    }
    with offline_providers(["data.aws_caller_identity", "data.aws_vpc", "data.aws_lbs"], answers) as environment:
        plan = TerraformCore.find(environment).plan(tmp_path)
    account, cidr, balancer = plan["planned_values"]["outputs"]["found"]["value"]
    assert (account, cidr) == ("111122223333", "10.0.0.0/16 of vpc-1")
    assert balancer.endswith("loadbalancer/app/a/1")


def test_answers_of_the_caller_win_one_by_one() -> None:
    merged = answer_for("data.aws_partition", {}, {"data.aws_partition": {"partition": "aws-cn"}})
    assert (merged["partition"], merged["dns_suffix"]) == ("aws-cn", "amazonaws.com")


def test_policy_document_is_the_real_one() -> None:
    config: Config = {
        "policy_id": "P",
        "source_policy_documents": ['{"Statement": {"Sid": "First", "Effect": "Deny", "NotAction": "s3:*"}}', ""],
        "override_policy_documents": ['{"Statement": [{"Sid": "Own", "Effect": "Deny"}, {"Effect": "Allow"}]}'],
        "statement": [
            {"sid": "Own", "actions": ["s3:GetObject"], "resources": ["*"]},
            {
                "sid": "",
                "effect": "Deny",
                "not_actions": ["a:1", "b:2"],
                "not_resources": ["r"],
                "principals": [{"type": "*", "identifiers": ["*"]}],
                "not_principals": [{"type": "AWS", "identifiers": ["1", "2"]}],
                "condition": [
                    {"test": "StringEquals", "variable": "x", "values": ["2", "1"]},
                    {"test": "StringEquals", "variable": "y", "values": ["3"]},
                ],
            },
        ],
    }
    answer = policy_document(config)
    assert json.loads(answer["json"]) == json.loads(answer["minified_json"])
    assert json.loads(answer["json"]) == {
        "Version": "2012-10-17",
        "Id": "P",
        "Statement": [
            {"Sid": "First", "Effect": "Deny", "NotAction": "s3:*"},
            {"Sid": "Own", "Effect": "Deny"},
            {
                "Effect": "Deny",
                "NotAction": ["b:2", "a:1"],
                "NotResource": "r",
                "Principal": "*",
                "NotPrincipal": {"AWS": ["2", "1"]},
                "Condition": {"StringEquals": {"x": ["2", "1"], "y": "3"}},
            },
            {"Effect": "Allow"},
        ],
    }


def test_fakes_have_the_right_shape_and_are_stable() -> None:
    nested = ["list", ["object", {"arn": "string", "port": "number", "on": "bool", "tags": ["map", "string"]}]]
    (value,) = fake(nested, "parts", "aws_sqs_queue/x")
    assert value["arn"].startswith("arn:aws:sqs:eu-west-1:000000000000:")
    assert isinstance(value["port"], int)
    assert (value["on"], value["tags"]) == (False, {})
    assert fake(nested, "parts", "aws_sqs_queue/x") == [value]
    assert fake("string", "arn", "a") != fake("string", "arn", "b")
    assert fake(["set", "string"], "ids", "a") == []


def test_fakes_of_azure_fit_where_they_are_taken_in() -> None:
    identity = "azurerm_user_assigned_identity/x"
    made = {name: fake("string", name, identity) for name in ("id", "principal_id")}
    made["issuer"] = fake("string", "oidc_issuer_url", "azurerm_kubernetes_cluster")
    config = {"user_assigned_identity_id": made["id"], "issuer": made["issuer"]}
    assert violations(RULES, [], "azurerm_federated_identity_credential", config) == []
    assert violations(RULES, [], "azurerm_role_assignment", {"principal_id": made["principal_id"]}) == []
    assert violations(RULES, [], "azurerm_monitor_diagnostic_setting", {"target_resource_id": made["id"]}) == []
    assert fake("string", "name", identity).startswith("name-")
