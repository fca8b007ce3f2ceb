"""Every rule can fail, names an attribute that exists, and says where it is written down."""

import pytest

from standardized_modules.terraform_offline.messages import Complaint
from standardized_modules.terraform_offline.rule_table import RELATIONS, RULES
from standardized_modules.terraform_offline.rules import Rule, violations
from standardized_modules.terraform_offline.schema_types import Block
from standardized_modules.terraform_offline.schemas import provider_of, schema_for
from standardized_modules.terraform_offline.validation import addressable, read_only_complaints
from standardized_modules.terraform_offline.values import UNKNOWN, Config


@pytest.fixture(scope="module")
def blocks() -> dict[str, Block]:
    return {
        name: schema["block"]
        for provider in ("aws", "azurerm")
        for name, schema in schema_for(
            provider, {rule.address for rule in RULES if provider_of(rule.address) == provider}
        )["resource_schemas"].items()
    }


@pytest.mark.parametrize("rule", RULES, ids=[f"{rule.address}.{rule.attribute}" for rule in RULES])
def test_rule_names_an_attribute_and_refuses_nonsense(rule: Rule, blocks: dict[str, Block]) -> None:
    *names, last = rule.attribute.split(".")
    block = blocks[rule.address]
    for name in names:
        block = block["block_types"][name]["block"]
    cty = block["attributes"][last]["type"]
    nonsense = -(10**12) - 1 if cty == "number" else "\x00 {" * 40_000
    assert rule.test(nonsense)
    home = {"aws": "https://docs.aws.amazon.com/", "azurerm": "https://learn.microsoft.com/"}
    assert rule.source.startswith(home[provider_of(rule.address)])


ACCEPTED: dict[str, Config] = {
    "aws_cloudwatch_log_group": {"name": "/aws/orders", "retention_in_days": 0},
    "aws_cloudwatch_metric_alarm": {
        "alarm_name": "a",
        "metric_name": "m",
        "period": 30,
        "namespace": "AWS/SQS",
        "evaluation_periods": 3,
        "datapoints_to_alarm": 3,
        "alarm_actions": ["arn:aws:sns:eu-west-1:111122223333:alarms"],
    },
    "aws_db_instance": {
        "identifier": "orders-pg",
        "engine": "postgres",
        "instance_class": "db.serverless.x2",
        "final_snapshot_identifier": "last",
        "maintenance_window": "Sun:04:00-sun:05:00",
        "performance_insights_retention_period": 731,
    },
    "aws_db_parameter_group": {
        "family": "postgres17",
        "parameter": [
            {"name": "max_connections", "value": "100", "apply_method": "pending-reboot"},
            {"name": "rds.force_ssl", "value": "1"},
        ],
    },
    "aws_elasticache_replication_group": {
        "replication_group_id": "orders-prod",
        "node_type": "cache.m6g.large",
        "num_cache_clusters": 2,
        "automatic_failover_enabled": True,
        "multi_az_enabled": True,
    },
    "aws_elasticache_user": {
        "user_id": "orders",
        "access_string": "on ~* &* +@all",
        "passwords_wo": UNKNOWN,
        "passwords_wo_version": 1,
    },
    "aws_secretsmanager_secret": {"name": "orders-prod/database-app", "recovery_window_in_days": 0},
    "aws_dynamodb_table": {
        "name": "orders.keys",
        "hash_key": "key",
        "attribute": [{"name": "key", "type": "S"}],
        "billing_mode": "PAY_PER_REQUEST",
    },
    "aws_ecr_repository": {"name": "team/orders_api-v2", "image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION"},
    "aws_iam_role": {"name": "a" * 64, "path": "/service/", "permissions_boundary": "arn:aws:iam::aws:policy/X"},
    "aws_kms_alias": {"name": "alias/orders"},
    "aws_route53_record": {"type": "A", "alias": [{"name": "x"}]},
    "aws_sqs_queue": {
        "name": "jobs.fifo",
        "fifo_queue": True,
        "kms_master_key_id": UNKNOWN,
        "deduplication_scope": "messageGroup",
        "fifo_throughput_limit": "perMessageGroupId",
        "redrive_policy": '{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111122223333:dead", "maxReceiveCount": 1000}',
    },
    "aws_wafv2_web_acl_logging_configuration": {
        "log_destination_configs": ["arn:aws:logs:eu-west-1:111122223333:log-group:aws-waf-logs-orders"],
        "resource_arn": "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/orders/1",
    },
    "azurerm_container_registry": {"name": "orders123", "sku": "Premium", "retention_policy_in_days": 7},
    "azurerm_federated_identity_credential": {
        "name": "orders-staging",
        "issuer": "https://token.actions.githubusercontent.com",
        "user_assigned_identity_id": (
            "/subscriptions/1/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id"
        ),
    },
    "azurerm_key_vault_secret": {"name": "database-app", "value_wo": UNKNOWN, "value_wo_version": 1},
    "azurerm_managed_redis": {
        "name": "redis-orders-prod",
        "sku_name": "Balanced_B3",
        "default_database": [{"clustering_policy": "EnterpriseCluster", "eviction_policy": "AllKeysLRU"}],
    },
    "azurerm_monitor_diagnostic_setting": {"target_resource_id": UNKNOWN},
    "azurerm_postgresql_flexible_server": {
        "name": "psql-orders-prod",
        "version": "17",
        "sku_name": "MO_Standard_E2ds_v5",
        "storage_mb": 131072,
        "high_availability": [{"mode": "ZoneRedundant"}],
        "administrator_password": UNKNOWN,
        "administrator_password_wo": "x",
        "backup_retention_days": 7,
    },
    "azurerm_servicebus_namespace": {"name": "sb-orders-staging", "sku": "Premium", "capacity": 1},
    "azurerm_servicebus_queue": {"name": "orders", "lock_duration": "PT5M", "default_message_ttl": "P4DT1H"},
    "azurerm_role_assignment": {"scope": "/subscriptions/1", "condition": "x", "condition_version": "2.0"},
    "provider.azurerm": {"features": [{}]},
}

REFUSED: list[tuple[str, Config, str]] = [
    ("aws_cloudwatch_metric_alarm", {"metric_name": "m", "evaluation_periods": 1, "datapoints_to_alarm": 2}, "exceed"),
    ("aws_cloudwatch_metric_alarm", {"metric_name": "m", "metric_query": [{}]}, "metric_name and metric_query"),
    ("aws_cloudwatch_metric_alarm", {"metric_query": [{"metric": [{"period": 45}]}]}, "multiple of 60"),
    ("aws_db_instance", {"engine": "x", "skip_final_snapshot": True, "password": "a", "password_wo": "b"}, "conflicts"),
    ("aws_db_instance", {"engine": "x"}, "final_snapshot_identifier"),
    ("aws_db_instance", {"engine": "x", "password": "a", "manage_master_user_password": True}, "conflicts"),
    (
        "aws_db_parameter_group",
        {"family": "postgres17", "parameter": [{"name": "max_connections", "value": "100"}]},
        "pending-reboot",
    ),
    (
        "aws_elasticache_replication_group",
        {"num_cache_clusters": 1, "automatic_failover_enabled": True},
        "2 at least",
    ),
    ("aws_elasticache_replication_group", {"multi_az_enabled": True}, "needs automatic_failover_enabled"),
    ("aws_elasticache_user", {"passwords_wo": "a"}, "passwords_wo_version"),
    ("aws_iam_role", {"name": "a", "name_prefix": "b"}, "conflicts"),
    ("aws_kms_alias", {"name": "alias/aws/s3"}, "alias/"),
    ("aws_route53_record", {"type": "A", "records": ["192.0.2.1"]}, "ttl"),
    ("aws_route53_record", {"type": "A"}, "got none"),
    ("aws_dynamodb_table", {"hash_key": "id", "attribute": [{"name": "key", "type": "S"}]}, "differ: id, key"),
    ("aws_sqs_queue", {"name": "jobs", "fifo_queue": True}, ".fifo"),
    ("aws_sqs_queue", {"name": "jobs", "deduplication_scope": "queue"}, "FIFO queues"),
    (
        "aws_sqs_queue",
        {
            "name": "jobs.fifo",
            "fifo_queue": True,
            "deduplication_scope": "queue",
            "fifo_throughput_limit": "perMessageGroupId",
        },
        "messageGroup",
    ),
    ("aws_sqs_queue", {"name": "jobs", "redrive_policy": '{"maxReceiveCount": 0}'}, "between 1 and 1000"),
    ("aws_sqs_queue", {"name": "jobs", "kms_master_key_id": "k", "sqs_managed_sse_enabled": False}, "conflicts"),
    (
        "aws_wafv2_web_acl_logging_configuration",
        {"log_destination_configs": ["arn:aws:logs:eu-west-1:111122223333:log-group:orders"]},
        "aws-waf-logs-",
    ),
    ("azurerm_container_registry", {"sku": "Standard", "retention_policy_in_days": 7}, "needs the sku Premium"),
    ("azurerm_key_vault_secret", {"name": "a", "value": "b", "value_wo": "c", "value_wo_version": 1}, "conflicts"),
    ("azurerm_key_vault_secret", {"name": "a", "value_wo": "c"}, "value_wo_version"),
    ("azurerm_managed_redis", {"default_database": [{"clustering_policy": "Cluster"}]}, "EnterpriseCluster"),
    ("azurerm_monitor_metric_alert", {"scopes": [], "severity": 5}, "between 0 and 4"),
    ("azurerm_postgresql_flexible_server", {"sku_name": "GP_Standard_D2ds_v5"}, "`version` is required"),
    ("azurerm_postgresql_flexible_server", {"create_mode": "Replica"}, "`source_server_id` is required"),
    ("azurerm_postgresql_flexible_server", {"storage_mb": 102400}, "must be one of"),
    (
        "azurerm_postgresql_flexible_server",
        {"sku_name": "B_Standard_B2s", "version": "17", "high_availability": [{"mode": "SameZone"}]},
        "no high availability",
    ),
    (
        "azurerm_postgresql_flexible_server",
        {"sku_name": "B_Standard_B2s", "create_mode": "Replica", "source_server_id": UNKNOWN},
        "no replicas",
    ),
    ("azurerm_private_endpoint", {"name": "pe", "subnet_id": "endpoints"}, "virtualNetworks"),
    ("azurerm_role_assignment", {"scope": "/", "condition": "x"}, "condition_version"),
    ("azurerm_role_assignment", {"scope": "/", "principal_id": "somebody"}, "a GUID"),
    ("azurerm_servicebus_namespace", {"name": "orders", "sku": "Standard", "capacity": 1}, "sku Premium"),
    ("azurerm_servicebus_namespace", {"name": "orders-sb", "sku": "Standard"}, "-mgmt"),
    ("azurerm_servicebus_queue", {"lock_duration": "PT6M"}, "five minutes"),
    ("azurerm_servicebus_queue", {"default_message_ttl": "4 days"}, "ISO 8601"),
    ("provider.azurerm", {"features": []}, "At least 1"),
]


@pytest.mark.parametrize("address", ACCEPTED)
def test_good_values_are_accepted(address: str) -> None:
    assert violations(RULES, RELATIONS, address, ACCEPTED[address]) == []


@pytest.mark.parametrize(("address", "config", "words"), REFUSED, ids=[f"{item[0]}: {item[2]}" for item in REFUSED])
def test_bad_combinations_are_refused(address: str, config: Config, words: str) -> None:
    assert any(words in found.detail for found in violations(RULES, RELATIONS, address, config))


def test_an_unknown_argument_may_turn_out_to_be_none() -> None:
    config: Config = {"engine": "x", "skip_final_snapshot": True, "manage_master_user_password": UNKNOWN}
    config |= {"password_wo": UNKNOWN, "password_wo_version": UNKNOWN}
    assert violations(RULES, RELATIONS, "aws_db_instance", config) == []


def test_unknown_values_are_never_refused() -> None:
    for rule in RULES:
        config: Config = dict.fromkeys([rule.attribute.split(".")[0]], UNKNOWN)
        assert not violations([rule], [], rule.address, config)


def test_path_ends_where_a_set_begins() -> None:
    block: Block = {
        "block_types": {"rule": {"nesting_mode": "set", "block": {"attributes": {"a": {"type": "string"}}}}}
    }
    assert addressable(Complaint("x", path=("rule", 0, "a")), block).path == ("rule",)
    block["block_types"]["rule"]["nesting_mode"] = "list"
    assert addressable(Complaint("x", path=("rule", 0, "a")), block).path == ("rule", 0, "a")


def test_read_only_attribute_is_refused_inside_blocks() -> None:
    inner: Block = {"attributes": {"id": {"type": "string", "computed": True}}}
    block: Block = {"block_types": {"part": {"nesting_mode": "list", "block": inner}}}
    (found,) = read_only_complaints(block, {"part": [{"id": None}, {"id": "x"}]})
    assert found.path == ("part", 1, "id")
