"""IAM policies name actions that exist, one by one, and give nobody the means to give himself more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import Objection, findings, sample
from standardized_modules.checks.terraform._session import Applied

ID = "SM314"
SEVERITY = "error"
TITLE = "A policy gives more than is needed, or names an action that does not exist"
WHY = (
    "A wildcard grants what AWS invents next year, too; an action that does not exist grants nothing, and shows "
    "as AccessDenied at night. Actions are compared with the tables of AWS that come with policy_sentry. (parliament "
    "reads the same tables, but needs setuptools < 81, which no current environment has, and takes the `Resource: *` "
    "of a key policy, which means that key, for a wildcard.)"
)
SOURCE = "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"
FIX = "name each action, its resource and who may use it; scope * by a condition where the API knows no resource"
READS = ("deploy/terraform/*",)
_POLICY = """\
resource "aws_iam_role_policy" "orders" {
  role = "orders"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["sqs:ACTION"]
      Resource = "arn:aws:sqs:eu-west-1:111122223333:orders"
    }]
  })
}
"""
BAD = sample(_POLICY.replace("ACTION", "*"))
GOOD = sample(_POLICY.replace("ACTION", "SendMessage"))
ESCALATIONS = frozenset(
    {
        "iam:AddUserToGroup",
        "iam:AttachGroupPolicy",
        "iam:AttachRolePolicy",
        "iam:AttachUserPolicy",
        "iam:CreateAccessKey",
        "iam:CreateLoginProfile",
        "iam:CreatePolicyVersion",
        "iam:PassRole",
        "iam:PutGroupPolicy",
        "iam:PutRolePolicy",
        "iam:PutUserPolicy",
        "iam:SetDefaultPolicyVersion",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateLoginProfile",
        "sts:AssumeRole",
    }
)
"""On every resource, each of them is all of the account:
https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/"""
BROAD = ("*AdministratorAccess", "*PowerUserAccess", "*FullAccess")
ROLES = frozenset(["Owner", "Contributor", "User Access Administrator", "Role Based Access Control Administrator"])
"""Roles of Azure that may do or grant anything below their scope."""
_IDENTITY = frozenset(["aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy"])


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for every policy document, attachment of a managed policy, and role assignment."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(applied: Applied) -> Iterator[Objection]:
    for address, kind, values in applied.resources():
        for document in _documents(values):
            for statement in _list(document.get("Statement")):
                for message in _statement(statement, kind in _IDENTITY):
                    yield address, f"{statement.get('Sid', 'statement')}: {message}"
        attached = str(values.get("policy_arn") or "")
        if any(fnmatch(attached, f"arn:*:iam::aws:policy/{broad}") for broad in BROAD):
            yield address, f"attaches {attached.rpartition('/')[2]}"
        if kind == "azurerm_role_assignment" and values.get("role_definition_name") in ROLES:
            yield address, f"assigns {values['role_definition_name']}"


def _documents(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    pending: list[Any] = list(values.values())
    while pending:
        value = pending.pop()
        if isinstance(value, str) and '"Statement"' in value:
            document = json.loads(value)
            if isinstance(document, dict):
                yield document
        elif isinstance(value, dict | list):
            pending += value.values() if isinstance(value, dict) else value


def _statement(statement: Mapping[str, Any], is_identity: bool) -> Iterator[str]:
    if statement.get("Effect") != "Allow":
        return
    for inverted in ("NotAction", "NotResource", "NotPrincipal"):
        if inverted in statement:
            yield f"{inverted} allows everything but what it lists"
    for action in _list(statement.get("Action")):
        if "*" in action or "?" in action:
            yield f"action {action} is a wildcard"
        elif not _exists(action):
            yield f"action {action} does not exist"
        elif action in ESCALATIONS and is_identity and "*" in _list(statement.get("Resource")):
            yield f"{action} on every resource is a way to all rights of the account"
    if is_identity and "*" in _list(statement.get("Resource")) and not statement.get("Condition"):
        yield "Resource * without a condition"
    principal = statement.get("Principal")
    named = (
        [one for value in principal.values() for one in _list(value)] if isinstance(principal, dict) else [principal]
    )
    if "*" in named and not statement.get("Condition"):
        yield "everybody on the internet is allowed: Principal * without a condition"


def _exists(action: str) -> bool:
    from policy_sentry.querying.actions import get_action_data  # half a second, only with a policy to read

    service, _, name = action.partition(":")
    return bool(get_action_data(service, name))


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
