"""What the cloud answers: the caller's answers, else well-known ones, else made-up ones (see `fill`)."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from .fakes import ACCOUNT, REGION
from .values import Config, is_known

Answer = Config | Callable[[Config], Config]
"""Attribute values, or a function from the configuration (of a resource: the plan) to attribute values."""

_POLICY_VERSION = "2012-10-17"
"""Version of the IAM policy language that the provider writes unless told otherwise."""


def answer_for(address: str, config: Config, answers: Mapping[str, Answer]) -> Config:
    """Answers for one address; those of the caller replace the defaults of the same name."""
    given = answers.get(address, {})
    default = DEFAULTS.get(address, {})
    return {**_evaluated(default, config), **_evaluated(given, config)}


def _evaluated(answer: Answer, config: Config) -> Config:
    return answer(config) if callable(answer) else answer


def policy_document(config: Config) -> Config:
    """`aws_iam_policy_document` computes locally in the real provider too, so this is its real answer."""
    statements = [_statement(statement) for statement in config.get("statement") or []]
    document: dict[str, Any] = {"Version": config.get("version") or _POLICY_VERSION}
    if config.get("policy_id"):
        document["Id"] = config["policy_id"]
    document["Statement"] = _merged(config, statements)
    return {
        "json": json.dumps(document, indent=2),
        "minified_json": json.dumps(document, separators=(",", ":")),
    }


def _merged(config: Config, own: list[Config]) -> list[Config]:
    """Sources come first, overrides last and replace statements with their Sid."""
    merged: list[Config] = []
    for text in config.get("source_policy_documents") or []:
        merged += _statements_of(text)
    merged += own
    for text in config.get("override_policy_documents") or []:
        for statement in _statements_of(text):
            same = [other for other in merged if statement.get("Sid") and other.get("Sid") == statement["Sid"]]
            merged = [statement if other in same else other for other in merged] + ([] if same else [statement])
    return merged


def _statements_of(text: str) -> list[Config]:
    statements = json.loads(text).get("Statement", []) if text else []
    return statements if isinstance(statements, list) else [statements]


def _statement(block: Config) -> Config:
    out: Config = {"Sid": block["sid"]} if block.get("sid") else {}
    out["Effect"] = block.get("effect") or "Allow"
    for key, name in (("Action", "actions"), ("NotAction", "not_actions")):
        if block.get(name):
            out[key] = _one_or_many(block[name])
    for key, name in (("Resource", "resources"), ("NotResource", "not_resources")):
        if block.get(name):
            out[key] = _one_or_many(block[name])
    for key, name in (("Principal", "principals"), ("NotPrincipal", "not_principals")):
        if block.get(name):
            out[key] = _principals(block[name])
    if block.get("condition"):
        out["Condition"] = _conditions(block["condition"])
    return out


def _principals(blocks: list[Config]) -> Any:
    everyone = {"type": "*", "identifiers": ["*"]}
    if blocks == [everyone]:
        return "*"
    return {block["type"]: _one_or_many(block["identifiers"]) for block in blocks}


def _conditions(blocks: list[Config]) -> Config:
    out: Config = {}
    for block in blocks:
        out.setdefault(block["test"], {})[block["variable"]] = _one_or_many(block["values"], ordered=True)
    return out


def _one_or_many(values: list[str], *, ordered: bool = False) -> str | list[str]:
    if len(values) == 1:
        return values[0]
    return values if ordered else sorted(values, reverse=True)  # the provider sorts them descending


def _log_group(plan: Config) -> Config:
    return {"arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{plan['name']}"} if is_known(plan.get("name")) else {}


DEFAULTS: dict[str, Answer] = {
    "aws_acm_certificate": {
        "domain_validation_options": [
            {
                "domain_name": "service.example.com",
                "resource_record_name": "_challenge.service.example.com",
                "resource_record_type": "CNAME",
                "resource_record_value": "_answer.acm-validations.aws",
            }
        ]
    },
    "aws_cloudwatch_log_group": _log_group,
    "data.aws_caller_identity": {
        "account_id": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "user_id": ACCOUNT,
    },
    "data.aws_partition": {
        "partition": "aws",
        "dns_suffix": "amazonaws.com",
        "reverse_dns_prefix": "com.amazonaws",
    },
    "data.aws_region": lambda config: {"name": REGION, "region": config.get("region") or REGION},
    "data.aws_availability_zones": {
        "names": [f"{REGION}{zone}" for zone in "abc"],
        "zone_ids": ["euw1-az1", "euw1-az2", "euw1-az3"],
    },
    "data.aws_iam_policy_document": policy_document,
    "data.aws_route53_zone": lambda config: {
        "zone_id": "Z0000000000000000000",
        "name": config.get("name"),
    },
    "data.azurerm_client_config": {
        "tenant_id": "00000000-0000-0000-0000-000000000000",
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "client_id": "00000000-0000-0000-0000-000000000000",
        "object_id": "00000000-0000-0000-0000-000000000000",
    },
}
"""Answers that hold in any account. Region and account are those of `fakes`; the region follows no provider block."""
