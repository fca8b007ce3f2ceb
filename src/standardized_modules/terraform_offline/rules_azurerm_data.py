"""Rules of the azurerm provider for databases, caches, secrets and backups, each with the page that states it."""

from collections.abc import Iterator

from .messages import Complaint
from .rules import Relation, Rule, between, conflicting, longest, matching, needs, one_of
from .values import Config, is_known

_DOCS = "https://learn.microsoft.com"
_NAMES = f"{_DOCS}/azure/azure-resource-manager/management/resource-name-rules"
_HEALTH = f"{_DOCS}/azure/service-health/resource-health-alert-arm-template-guide"
_LIFECYCLE = f"{_DOCS}/azure/storage/blobs/lifecycle-management-policy-structure"
_LOCK = f"{_DOCS}/rest/api/resources/management-locks/create-or-update-at-resource-level"
_LOG_ALERT = f"{_DOCS}/rest/api/monitor/scheduled-query-rules/create-or-update"
_REDIS = f"{_DOCS}/azure/redis/architecture"
_SECRET = f"{_DOCS}/azure/key-vault/secrets/about-secrets"
_SERVER = f"{_DOCS}/rest/api/postgresql/servers/create-or-update"
_TIERS = f"{_DOCS}/azure/postgresql/configure-maintain/concepts-compute"
_VAULT = f"{_DOCS}/azure/key-vault/general/soft-delete-overview"
_WORM = f"{_DOCS}/azure/storage/blobs/immutable-time-based-retention-policy-overview"

_DISKS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
_EVICTION = (
    *("AllKeysLFU", "AllKeysLRU", "AllKeysRandom", "NoEviction"),
    *("VolatileLFU", "VolatileLRU", "VolatileRandom", "VolatileTTL"),
)
_FREQUENCIES = (
    *("PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT45M"),
    *("PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H", "P1D"),
)
_KEY = matching(r"https://[\w-]+\.vault\.azure\.net/keys/[\w-]+(/\w+)?", "the URL of a key")

RULES: tuple[Rule, ...] = (
    Rule(
        "azurerm_key_vault",
        "name",
        matching(r"(?=.{3,24}$)[A-Za-z](-?[A-Za-z0-9])*", "3 to 24 letters, digits and single hyphens"),
        f"{_NAMES}#microsoftkeyvault",
    ),
    Rule("azurerm_key_vault", "sku_name", one_of("standard", "premium"), _VAULT),
    Rule("azurerm_key_vault", "soft_delete_retention_days", between(7, 90), _VAULT),
    Rule("azurerm_key_vault", "network_acls.bypass", one_of("AzureServices", "None"), _VAULT),
    Rule("azurerm_key_vault", "network_acls.default_action", one_of("Allow", "Deny"), _VAULT),
    Rule(
        "azurerm_key_vault_secret",
        "name",
        matching(r"[A-Za-z0-9-]{1,127}", "1 to 127 letters, digits and hyphens"),
        f"{_NAMES}#microsoftkeyvault",
    ),
    Rule(
        "azurerm_managed_redis",
        "name",
        matching(r"(?=.{1,60}$)[A-Za-z0-9](-?[A-Za-z0-9])*", "1 to 60 letters, digits and single hyphens"),
        f"{_NAMES}#microsoftcache",
    ),
    Rule(
        "azurerm_managed_redis",
        "sku_name",
        matching(
            r"(Balanced_B|ComputeOptimized_X|FlashOptimized_A|MemoryOptimized_M)\d{1,4}", "a SKU of Managed Redis"
        ),
        _REDIS,
    ),
    Rule("azurerm_managed_redis", "public_network_access", one_of("Enabled", "Disabled"), _REDIS),
    Rule("azurerm_managed_redis", "default_database.client_protocol", one_of("Encrypted", "Plaintext"), _REDIS),
    Rule(
        "azurerm_managed_redis",
        "default_database.clustering_policy",
        one_of("EnterpriseCluster", "NoCluster", "OSSCluster"),
        _REDIS,
    ),
    Rule("azurerm_managed_redis", "default_database.eviction_policy", one_of(*_EVICTION), _REDIS),
    Rule("azurerm_management_lock", "lock_level", one_of("CanNotDelete", "ReadOnly"), _LOCK),
    Rule("azurerm_management_lock", "notes", longest(512), _LOCK),
    Rule("azurerm_monitor_activity_log_alert", "location", one_of("global", "northeurope", "westeurope"), _HEALTH),
    Rule(
        "azurerm_monitor_activity_log_alert",
        "criteria.resource_health.current",
        one_of("Available", "Degraded", "Unavailable", "Unknown"),
        _HEALTH,
    ),
    Rule(
        "azurerm_monitor_activity_log_alert",
        "criteria.resource_health.reason",
        one_of("PlatformInitiated", "UserInitiated", "Unknown"),
        _HEALTH,
    ),
    Rule("azurerm_monitor_scheduled_query_rules_alert_v2", "evaluation_frequency", one_of(*_FREQUENCIES), _LOG_ALERT),
    Rule("azurerm_monitor_scheduled_query_rules_alert_v2", "window_duration", one_of(*_FREQUENCIES, "P2D"), _LOG_ALERT),
    Rule("azurerm_monitor_scheduled_query_rules_alert_v2", "severity", between(0, 4), _LOG_ALERT),
    Rule(
        "azurerm_monitor_scheduled_query_rules_alert_v2",
        "criteria.operator",
        one_of("Equal", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"),
        _LOG_ALERT,
    ),
    Rule(
        "azurerm_monitor_scheduled_query_rules_alert_v2",
        "criteria.time_aggregation_method",
        one_of("Average", "Count", "Maximum", "Minimum", "Total"),
        _LOG_ALERT,
    ),
    Rule(
        "azurerm_postgresql_flexible_server",
        "name",
        matching(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", "3 to 63 small letters, digits and hyphens"),
        f"{_NAMES}#microsoftdbforpostgresql",
    ),
    Rule("azurerm_postgresql_flexible_server", "backup_retention_days", between(7, 35), _SERVER),
    Rule(
        "azurerm_postgresql_flexible_server",
        "create_mode",
        one_of("Default", "GeoRestore", "PointInTimeRestore", "Replica", "ReviveDropped", "Update"),
        _SERVER,
    ),
    Rule("azurerm_postgresql_flexible_server", "customer_managed_key.key_vault_key_id", _KEY, _SERVER),
    Rule("azurerm_postgresql_flexible_server", "high_availability.mode", one_of("SameZone", "ZoneRedundant"), _SERVER),
    Rule("azurerm_postgresql_flexible_server", "maintenance_window.day_of_week", between(0, 6), _SERVER),
    Rule("azurerm_postgresql_flexible_server", "maintenance_window.start_hour", between(0, 23), _SERVER),
    Rule(
        "azurerm_postgresql_flexible_server",
        "sku_name",
        matching(r"B_Standard_B\w+|GP_Standard_D\w+|MO_Standard_E\w+", "a tier and a size such as GP_Standard_D2ds_v5"),
        _TIERS,
    ),
    Rule(
        "azurerm_postgresql_flexible_server",
        "storage_mb",
        one_of(*(size * 1024 for size in _DISKS), 4193280, 33553408),
        _SERVER,
    ),
    Rule(
        "azurerm_postgresql_flexible_server",
        "storage_type",
        one_of("PremiumV2_LRS", "Premium_LRS", "UltraSSD_LRS"),
        _SERVER,
    ),
    Rule("azurerm_postgresql_flexible_server", "version", one_of(*map(str, range(11, 19))), _SERVER),
    Rule(
        "azurerm_postgresql_flexible_server_active_directory_administrator",
        "principal_type",
        one_of("Group", "ServicePrincipal", "User"),
        f"{_DOCS}/azure/postgresql/security/security-manage-entra-users",
    ),
    Rule(
        "azurerm_storage_container",
        "name",
        matching(r"(?=.{3,63}$)[a-z0-9](-?[a-z0-9])*", "3 to 63 small letters, digits and single hyphens"),
        f"{_NAMES}#microsoftstorage",
    ),
    Rule("azurerm_storage_container", "container_access_type", one_of("blob", "container", "private"), _LIFECYCLE),
    Rule("azurerm_storage_container_immutability_policy", "immutability_period_in_days", between(1, 146000), _WORM),
    Rule(
        "azurerm_storage_management_policy",
        "rule.actions.base_blob.delete_after_days_since_creation_greater_than",
        between(0, 99999),
        _LIFECYCLE,
    ),
)


def _tier(config: Config) -> Iterator[Complaint]:
    sku, mode = config.get("sku_name"), config.get("create_mode")
    if not is_known(sku) or not str(sku).startswith("B_"):
        return
    if config.get("high_availability"):
        yield Complaint("Invalid value", "a burstable server has no high availability", ("high_availability",))
    if mode == "Replica":
        yield Complaint("Invalid value", "a burstable server has no replicas", ("create_mode",))


def _new_server(config: Config) -> Iterator[Complaint]:
    mode = config.get("create_mode") or "Default"
    needed = {"Default": ("sku_name", "version"), "Replica": ("source_server_id",)}
    for name in needed.get(mode, ()):
        if not config.get(name):
            detail = f"`{name}` is required when `create_mode` is {mode}"
            yield Complaint("Missing required argument", detail, (name,))


RELATIONS: tuple[Relation, ...] = (
    Relation("azurerm_postgresql_flexible_server", _tier, _TIERS),
    Relation("azurerm_postgresql_flexible_server", _new_server, _SERVER),
    conflicting("azurerm_key_vault_secret", _SECRET, "value", "value_wo"),
    needs("azurerm_key_vault_secret", _SECRET, "value_wo", "value_wo_version"),
    conflicting("azurerm_postgresql_flexible_server", _SERVER, "administrator_password", "administrator_password_wo"),
    needs("azurerm_postgresql_flexible_server", _SERVER, "customer_managed_key", "identity"),
)
