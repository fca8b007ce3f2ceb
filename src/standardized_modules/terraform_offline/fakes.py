"""Values for attributes that only the cloud knows: made up, the same on every run, of the right type and shape."""

import hashlib
import json
from typing import Any

from .schema_types import CtyType

ACCOUNT = "000000000000"
REGION = "eu-west-1"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"

_AZURE_TYPES = {
    "azurerm_application_load_balancer": "Microsoft.ServiceNetworking/trafficControllers",
    "azurerm_container_registry": "Microsoft.ContainerRegistry/registries",
    "azurerm_key_vault": "Microsoft.KeyVault/vaults",
    "azurerm_managed_redis": "Microsoft.Cache/redisEnterprise",
    "azurerm_monitor_action_group": "Microsoft.Insights/actionGroups",
    "azurerm_postgresql_flexible_server": "Microsoft.DBforPostgreSQL/flexibleServers",
    "azurerm_storage_account": "Microsoft.Storage/storageAccounts",
    "azurerm_user_assigned_identity": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "azurerm_web_application_firewall_policy": "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies",
}
"""Types of resources whose IDs other resources take in and check."""
_GUIDS = ("client_id", "object_id", "principal_id", "subscription_id", "tenant_id")


def fake(cty: CtyType, name: str, seed: str) -> Any:
    """A value of the given type for the attribute `name` of the object that `seed` identifies."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
    match cty:
        case "string":
            return _string(name, seed, digest)
        case "number":
            return int(digest[:3], 16)
        case "bool":
            return False
        case "dynamic":
            return [
                json.dumps("string").encode(),
                digest,
            ]  # cty writes a dynamic value as [type, value]
        case ["object", fields]:
            return {key: fake(inner, key, f"{seed}/{name}") for key, inner in fields.items()}
        case ["map", _]:
            return {}
        case [_, ["object", _] as item]:
            # One element, so that `one(...)`, `[0]` and `for` over a computed list have something to work on.
            return [fake(item, name, seed)]
        case _:
            return []


def _string(name: str, seed: str, digest: str) -> str:
    if name == "arn" or name.endswith("_arn"):
        service = [*seed.split("/")[0].split("_"), "", "service"][1]
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{digest[:12]}"
    if name in ("account_id", "owner_id", "registry_id"):
        return ACCOUNT
    if name == "region":
        return REGION
    if seed.startswith("azurerm_") and (found := _azure_string(name, seed.split("/")[0], digest)):
        return found
    return f"{name.replace('_', '-')}-{digest[:12]}"


def _azure_string(name: str, type_name: str, digest: str) -> str:
    if name in _GUIDS:
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
    if name in ("id", "resource_id", "resource_manager_id", "resource_versionless_id"):
        provider = _AZURE_TYPES.get(type_name, f"Microsoft.Resources/{type_name}")
        return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/service/providers/{provider}/{digest[:12]}"
    if name.endswith("_url"):
        return f"https://{digest[:12]}.example.com/"
    return ""
