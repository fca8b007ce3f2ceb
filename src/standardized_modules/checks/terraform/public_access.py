"""Nothing but the front door can be reached from the internet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from standardized_modules.checks import Finding, Tree
from standardized_modules.checks.terraform._policies import Objection, findings, inner, sample
from standardized_modules.checks.terraform._session import Applied

ID = "SM311"
SEVERITY = "error"
TITLE = "A resource can be reached from the internet"
WHY = (
    "Databases, buckets and caches with a public address are found by scanners within minutes, and then only a "
    "password stands between them and everybody. The load balancer of the service is made by its controller in the "
    "cluster, so nothing that Terraform makes has a reason to be public."
)
SOURCE = "https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/protecting-networks.html"
FIX = "turn public access off and let clients in through the network of the cluster"
READS = ("deploy/terraform/*",)
_BUCKET = 'resource "aws_s3_bucket" "files" {\n  bucket = "orders-files"\n}\n'
_BLOCK = """
resource "aws_s3_bucket_public_access_block" "files" {
  bucket                  = aws_s3_bucket.files.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
"""
BAD = sample(_BUCKET + _BLOCK.replace("block_public_policy     = true", "block_public_policy     = false"))
GOOD = sample(_BUCKET + _BLOCK)
REFUSED: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "aws_db_instance": {"publicly_accessible": (True,)},
    "aws_lambda_function_url": {"authorization_type": ("NONE",)},
    "aws_msk_cluster": {
        "broker_node_group_info.connectivity_info.public_access.type": ("SERVICE_PROVIDED_EIPS",),
        "client_authentication.unauthenticated": (True,),
    },
    "aws_rds_cluster_instance": {"publicly_accessible": (True,)},
    "aws_s3_bucket_acl": {"acl": ("public-read", "public-read-write", "authenticated-read")},
    "azurerm_managed_redis": {"public_network_access": ("Enabled", None)},
    "azurerm_postgresql_flexible_server": {"public_network_access_enabled": (True, None)},
    "azurerm_storage_account": {"allow_nested_items_to_be_public": (True, None)},
    "azurerm_storage_container": {"container_access_type": ("blob", "container")},
}
"""Value that opens the resource, by path. None: the default of the provider opens it."""
WORLD = frozenset(["0.0.0.0/0", "::/0", "*", "Internet"])
_LOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")


def check(tree: Tree) -> Iterator[Finding]:
    """Findings for values that open a resource, and for buckets that nothing closes."""
    return findings(tree, ID, FIX, _inspect)


def _inspect(applied: Applied) -> Iterator[Objection]:
    for address, kind, values in applied.resources():
        for path, refused in REFUSED.get(kind, {}).items():
            for value in inner(values, path):
                if value in refused and (value is not None or "." not in path):
                    yield address, f"{path} is {'not set' if value is None else str(value).lower()}"
        if kind in ("aws_security_group", "aws_vpc_security_group_ingress_rule", "aws_security_group_rule"):
            yield from ((address, message) for message in _ingress(kind, values))
    closed = {
        values.get("bucket")
        for _, values in applied.of("aws_s3_bucket_public_access_block")
        if all(values.get(lock) for lock in _LOCKS)
    }
    for address, values in applied.of("aws_s3_bucket"):
        if values.get("id") not in closed and values.get("bucket") not in closed:
            yield address, f"no aws_s3_bucket_public_access_block sets {', '.join(_LOCKS)} for it"


def _ingress(kind: str, values: Mapping[str, Any]) -> Iterator[str]:
    if kind == "aws_security_group_rule" and values.get("type") != "ingress":
        return
    for rule in values.get("ingress") or () if kind == "aws_security_group" else (values,):
        sources = [*(rule.get("cidr_blocks") or ()), *(rule.get("ipv6_cidr_blocks") or ())]
        for source in (*sources, rule.get("cidr_ipv4"), rule.get("cidr_ipv6")):
            if source in WORLD:
                yield f"admits {source} to ports {rule.get('from_port')} to {rule.get('to_port')}"
