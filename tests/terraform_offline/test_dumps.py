"""Extracted schemas against what real providers print, where reference dumps lie beside the repository.

The dumps are of older versions, so some differences are the provider's own. Every one is listed below with its reason:
one that is not listed fails, and so does a listed one that no longer occurs.
"""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standardized_modules.terraform_offline import schema_for, schemas
from standardized_modules.terraform_offline.schema_types import SECTIONS, Block

DUMPS = Path(__file__).parents[3] / "shared" / "schemas" / "terraform"

USED = {
    "aws": [
        "aws_acm_certificate",
        "aws_acm_certificate_validation",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_metric_alarm",
        "aws_db_instance",
        "aws_db_parameter_group",
        "aws_db_subnet_group",
        "aws_ecr_lifecycle_policy",
        "aws_ecr_repository",
        "aws_ecr_repository_policy",
        "aws_eks_pod_identity_association",
        "aws_elasticache_replication_group",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_kms_alias",
        "aws_kms_key",
        "aws_msk_cluster",
        "aws_route53_record",
        "aws_security_group",
        "aws_sns_topic",
        "aws_sns_topic_policy",
        "aws_sns_topic_subscription",
        "aws_sqs_queue",
        "aws_sqs_queue_redrive_allow_policy",
        "aws_wafv2_web_acl_logging_configuration",
        "data.aws_caller_identity",
        "data.aws_eks_cluster",
        "data.aws_iam_policy_document",
        "data.aws_lb",
        "data.aws_lbs",
        "data.aws_partition",
        "data.aws_region",
        "data.aws_route53_zone",
        "data.aws_vpc",
        "ephemeral.aws_secretsmanager_secret_version",
    ],
    "azurerm": [
        "azurerm_resource_group",
        "azurerm_servicebus_namespace",
        "azurerm_servicebus_queue",
        "azurerm_user_assigned_identity",
        "azurerm_postgresql_flexible_server",
        "azurerm_eventhub_namespace",
        "azurerm_eventhub",
        "azurerm_managed_redis",
        "azurerm_role_assignment",
        "azurerm_federated_identity_credential",
        "azurerm_container_registry",
        "azurerm_log_analytics_workspace",
        "data.azurerm_client_config",
        "data.azurerm_kubernetes_cluster",
    ],
}

MAJOR = "azurerm 5.0 removed or renamed what 4.x had deprecated (upgrade guide of 5.0)"
NEWER = "came with a later version of the provider than the dump's"

EXPLAINED: dict[str, dict[str, str]] = {
    # Address and path as a pattern: reason.
    "aws": {
        r"aws_cloudwatch_metric_alarm (evaluation_window|warm_up_configuration)\b.*": NEWER,
        r"aws_db_instance warning_event_categories:.*": NEWER,
        r"aws_eks_pod_identity_association policy:.*": NEWER,
        r"aws_elasticache_replication_group (auth_token_wo|auth_token_wo_version|durability):.*": NEWER,
        r"aws_msk_cluster (bootstrap_brokers\w*_ipv6|customer_action_status):.*": NEWER,
        r"aws_sns_topic maximum_message_size:.*": NEWER,
        r"data\.aws_eks_cluster (kube_\w+_config|outpost_config|vpc_config):.*": NEWER,
        r"data\.aws_lb enable_prefix_for_ipv6_source_nat:.*": NEWER,
        r"data\.aws_vpc ipv6_cidr_block_associations:.*": NEWER,
    },
    "azurerm": {
        r"azurerm_container_registry (encryption|trust_policy_enabled):.*": MAJOR,
        r"azurerm_container_registry georeplications\.(global_endpoint_routing|regional_endpoint)_enabled:.*": MAJOR,
        r"azurerm_container_registry (azuread_authentication_as_arm|network_rule_bypass_for_tasks)\w+:.*": NEWER,
        r"azurerm_container_registry role_assignment_mode:.*": NEWER,
        r"azurerm_eventhub (namespace_id|namespace_name|resource_group_name):.*": MAJOR,
        r"azurerm_federated_identity_credential (parent_id|resource_group_name|user_assigned_identity_id):.*": MAJOR,
        r"azurerm_log_analytics_workspace internet_(ingestion|query)_(enabled|access_type):.*": MAJOR,
        r"azurerm_log_analytics_workspace local_authentication_(disabled|enabled):.*": MAJOR,
        r"azurerm_postgresql_flexible_server storage_(iops|throughput|type):.*": NEWER,
        r"azurerm_role_assignment timeouts\.update:.*": NEWER,
        r"data\.azurerm_kubernetes_cluster oms_agent:type.*": NEWER,
    },
}


def facts(block: Block | dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Everything that the core enforces, flattened to path and value."""
    for name, attribute in block.get("attributes", {}).items():
        for key in ("type", "required", "optional", "computed", "sensitive", "write_only"):
            if attribute.get(key):
                yield f"{prefix}{name}:{key}", json.dumps(attribute[key], sort_keys=True)
    for name, nested in block.get("block_types", {}).items():
        yield f"{prefix}{name}:nesting_mode", nested["nesting_mode"]
        for key in ("min_items", "max_items"):
            if nested.get(key):
                yield f"{prefix}{name}:{key}", str(nested[key])  # type: ignore[literal-required]
        yield from facts(nested["block"], f"{prefix}{name}.")


def deviations(provider: str) -> list[str]:
    dump = json.loads(gzip.decompress(next(DUMPS.glob(f"{provider}-*.json.gz")).read_bytes()))
    ours = schema_for(provider, USED[provider])
    found = []
    for address in USED[provider]:
        kind, name = schemas.split_address(address)
        assert kind != "provider"
        expected = dict(facts(dump[SECTIONS[kind]][name]["block"]))
        actual = dict(facts(ours[SECTIONS[kind]][name]["block"]))
        found += [
            f"{address} {path}: dump {expected.get(path)}, ours {actual.get(path)}"
            for path in sorted(expected.keys() | actual.keys())
            if expected.get(path) != actual.get(path)
        ]
    return found


@pytest.mark.skipif(not DUMPS.is_dir(), reason="no reference dumps beside the repository")
@pytest.mark.parametrize("provider", sorted(USED))
def test_every_deviation_is_explained(provider: str) -> None:
    found = deviations(provider)
    unexplained = [item for item in found if not any(re.match(known, item) for known in EXPLAINED[provider])]
    assert not unexplained, "\n".join(unexplained)
    outdated = [known for known in EXPLAINED[provider] if not any(re.match(known, item) for item in found)]
    assert not outdated
