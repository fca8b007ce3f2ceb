"""What is stored is encrypted, and what is sent too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import Objection, findings, inner, sample
from standardized_modules.checks.terraform._session import Applied

ID = "SM310"
SEVERITY = "error"
TITLE = "Data is not encrypted at rest or on its way"
WHY = (
    "Many services of AWS and Azure store in the clear, or accept connections without TLS, until they are told "
    "otherwise, and most can only be told when they are made: turning it on later means a new database and a move."
)
SOURCE = "https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/protecting-data-at-rest.html"
FIX = "set the argument; use the service's own customer-managed key where the resource takes one"
READS = ("deploy/terraform/*",)
_QUEUE = 'resource "aws_sqs_queue" "jobs" {\n  name                    = "jobs"\n  sqs_managed_sse_enabled = VALUE\n}\n'
BAD = sample(_QUEUE.replace("VALUE", "false"))
GOOD = sample(_QUEUE.replace("VALUE", "true"))

ANYTHING = object()
REQUIRED: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    # Each of these sets of values is enough.
    "aws_cloudwatch_log_group": ({"kms_key_id": ANYTHING},),
    "aws_db_instance": ({"storage_encrypted": True}, {"replicate_source_db": ANYTHING}),
    "aws_dynamodb_table": ({"server_side_encryption.enabled": True},),
    "aws_ebs_volume": ({"encrypted": True},),
    "aws_ecr_repository": ({"encryption_configuration.encryption_type": "KMS"},),
    "aws_efs_file_system": ({"encrypted": True},),
    "aws_elasticache_replication_group": (  # the first is a string, so that it can be left open
        {"at_rest_encryption_enabled": "true", "transit_encryption_enabled": True},
    ),
    "aws_kinesis_stream": ({"encryption_type": "KMS"},),
    "aws_kms_key": ({"enable_key_rotation": True}, {"key_usage": "SIGN_VERIFY"}, {"key_usage": "GENERATE_VERIFY_MAC"}),
    "aws_msk_cluster": ({"encryption_info.encryption_in_transit.client_broker": "TLS"},),
    "aws_rds_cluster": ({"storage_encrypted": True},),
    "aws_sns_topic": ({"kms_master_key_id": ANYTHING},),
    "aws_sqs_queue": ({"kms_master_key_id": ANYTHING}, {"sqs_managed_sse_enabled": True}),
    "azurerm_eventhub_namespace": ({"minimum_tls_version": "1.2"},),
    "azurerm_managed_redis": ({"default_database.client_protocol": "Encrypted"},),
    "azurerm_servicebus_namespace": ({"minimum_tls_version": "1.2"},),
    "azurerm_storage_account": ({"https_traffic_only_enabled": True, "min_tls_version": "TLS1_2"},),
}

REFUSED: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "aws_db_proxy": ("require_tls", (False, None)),
    "aws_elasticache_replication_group": ("transit_encryption_mode", ("preferred",)),
}
"""Arguments that let clients choose to do without TLS. None: the default of the provider does."""
TLS_PARAMETERS = frozenset(["rds.force_ssl", "require_secure_transport"])
"""Of database servers. On by default where they are on the list of a server at all:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html
https://learn.microsoft.com/azure/postgresql/security/security-connect-tls"""
OFF = frozenset(["0", "false", "off"])
_SERVER_PARAMETERS = frozenset(
    ["aws_db_parameter_group", "aws_rds_cluster_parameter_group", "azurerm_postgresql_flexible_server_configuration"]
)


def check(tree: Tree) -> Iterator[Finding]:
    """A finding for each resource that satisfies none of its sets, or lets clients do without TLS."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(applied: Applied) -> Iterator[Objection]:
    for address, kind, values in applied.resources():
        path, refused = REFUSED.get(kind, ("", ()))
        if path and values.get(path) in refused:
            yield address, f"{path} is {str(values.get(path) or False).lower()}: clients may do without TLS"
        for parameter in (values, *(values.get("parameter") or ())) if kind in _SERVER_PARAMETERS else ():
            if parameter.get("name") in TLS_PARAMETERS and str(parameter.get("value")).lower() in OFF:
                yield address, f"{parameter['name']} is off: clients may do without TLS"
        ways = REQUIRED.get(kind)
        if ways and not any(_holds(values, way) for way in ways):
            yield address, "needs " + " or ".join(" and ".join(_say(*item) for item in way.items()) for way in ways)


def _holds(values: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    for path, value in wanted.items():
        found = [each for each in inner(values, path) if each not in (None, "")]
        if not found or (value is not ANYTHING and any(each != value for each in found)):
            return False
    return True


def _say(path: str, value: Any) -> str:
    if value is ANYTHING:
        return path
    return f"{path} = {str(value).lower() if isinstance(value, bool) else value}"
