"""Rules of the azurerm provider for the attributes that generated services set, each with the page that states it.

The provider (internal/services/*/…, `ValidateFunc`) checks the same limits before it calls an API.
"""

from collections.abc import Iterator

from .messages import Complaint
from .rules import Relation, Rule, Test, all_of, between, longest, matching, needs, one_of
from .values import Config, is_known

_DOCS = "https://learn.microsoft.com"
_PROVIDER = "https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs#features"
_NAMES = f"{_DOCS}/azure/azure-resource-manager/management/resource-name-rules"
_ACR = f"{_DOCS}/azure/container-registry/container-registry-skus"
_ACTION_GROUP = f"{_DOCS}/rest/api/monitor/action-groups/create-or-update"
_ALERT = f"{_DOCS}/rest/api/monitor/metric-alerts/create-or-update"
_DNS = f"{_DOCS}/azure/dns/dns-zones-records"
_FEDERATION = f"{_DOCS}/entra/workload-id/workload-identity-federation-considerations"
_GATEWAY = f"{_DOCS}/rest/api/servicenetworking/traffic-controller-interface/create-or-update"
_PRIVATE_ENDPOINT = f"{_DOCS}/rest/api/virtualnetwork/private-endpoints/create-or-update"
_ROLES = f"{_DOCS}/rest/api/authorization/role-assignments/create"
_SERVICE_BUS = f"{_DOCS}/azure/service-bus-messaging/service-bus-quotas"
_SERVICE_BUS_QUEUE = f"{_DOCS}/rest/api/servicebus/controlplane-stable/queues/create-or-update"
_SERVICE_BUS_NAMESPACE = f"{_DOCS}/rest/api/servicebus/controlplane-stable/namespaces/create-or-update"
_STORAGE = f"{_DOCS}/rest/api/storagerp/storage-accounts/create"
_TASK = f"{_DOCS}/azure/container-registry/container-registry-tasks-scheduled"
_WAF = f"{_DOCS}/azure/web-application-firewall/ag/custom-waf-rules-overview"
_WAF_LIMIT = f"{_DOCS}/azure/web-application-firewall/ag/rate-limiting-overview"

_GUID = matching(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a GUID in small letters")
_DURATION = matching(r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?", "a duration of ISO 8601 such as PT1M")
_RESOURCE_GROUP = matching(r"[-\w.()]{0,89}[-\w()]", "a resource group's name")


def _id(*types: str) -> Test:
    """An ID of a resource of one of these types, or of any."""
    pattern = "|".join(types) or r"[\w.]+/\w+"
    return matching(
        rf"(?i)/subscriptions/[^/]+/resourceGroups/[^/]+/providers/({pattern})/.+",
        f"an ID of {' or '.join(types) or 'a resource'}",
    )


_WORKSPACE = _id("Microsoft.OperationalInsights/workspaces")
_IDENTITY = _id("Microsoft.ManagedIdentity/userAssignedIdentities")
_REGISTRY = _id("Microsoft.ContainerRegistry/registries")
_GATEWAY_ID = _id("Microsoft.ServiceNetworking/trafficControllers")
_GATEWAY_NAME = matching(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?", "1 to 64 letters, digits and _ . -")

RULES: tuple[Rule, ...] = (
    Rule("azurerm_application_load_balancer", "name", _GATEWAY_NAME, _GATEWAY),
    Rule("azurerm_application_load_balancer_frontend", "application_load_balancer_id", _GATEWAY_ID, _GATEWAY),
    Rule("azurerm_application_load_balancer_frontend", "name", _GATEWAY_NAME, _GATEWAY),
    Rule(
        "azurerm_application_load_balancer_subnet_association",
        "application_load_balancer_id",
        _GATEWAY_ID,
        _GATEWAY,
    ),
    Rule("azurerm_application_load_balancer_subnet_association", "name", _GATEWAY_NAME, _GATEWAY),
    Rule(
        "azurerm_application_load_balancer_subnet_association",
        "subnet_id",
        _id("Microsoft.Network/virtualNetworks"),
        _GATEWAY,
    ),
    Rule("azurerm_application_load_balancer_security_policy", "application_load_balancer_id", _GATEWAY_ID, _GATEWAY),
    Rule(
        "azurerm_application_load_balancer_security_policy",
        "web_application_firewall_policy_id",
        _id("Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies"),
        _GATEWAY,
    ),
    Rule(
        "azurerm_container_registry",
        "name",
        matching(r"[A-Za-z0-9]{5,50}", "5 to 50 letters and digits"),
        f"{_NAMES}#microsoftcontainerregistry",
    ),
    Rule("azurerm_container_registry", "sku", one_of("Basic", "Standard", "Premium"), _ACR),
    Rule("azurerm_container_registry", "retention_policy_in_days", between(0, 365), _ACR),
    Rule(
        "azurerm_container_registry_task",
        "name",
        matching(r"[A-Za-z0-9_-]{5,50}", "5 to 50 letters, digits, _ and -"),
        f"{_NAMES}#microsoftcontainerregistry",
    ),
    Rule("azurerm_container_registry_task", "container_registry_id", _REGISTRY, _TASK),
    Rule("azurerm_container_registry_task", "platform.os", one_of("Linux", "Windows"), _TASK),
    Rule("azurerm_container_registry_task", "timeout_in_seconds", between(300, 28800), _TASK),
    Rule("azurerm_container_registry_task", "timer_trigger.schedule", matching(r"\S+( \S+){4}", "a cron line"), _TASK),
    Rule("azurerm_dns_cname_record", "ttl", between(1, 2147483647), _DNS),
    Rule(
        "azurerm_federated_identity_credential",
        "name",
        matching(r"[A-Za-z0-9][A-Za-z0-9_-]{2,119}", "3 to 120 letters, digits, _ and -, beginning with no sign"),
        _FEDERATION,
    ),
    Rule(
        "azurerm_federated_identity_credential", "issuer", matching(r"https://\S{1,600}", "an https URL"), _FEDERATION
    ),
    Rule("azurerm_federated_identity_credential", "subject", longest(600), _FEDERATION),
    Rule("azurerm_federated_identity_credential", "user_assigned_identity_id", _IDENTITY, _FEDERATION),
    Rule("azurerm_monitor_action_group", "name", longest(260), f"{_NAMES}#microsoftinsights"),
    Rule("azurerm_monitor_action_group", "short_name", matching(r".{1,12}", "1 to 12 characters long"), _ACTION_GROUP),
    Rule(
        "azurerm_monitor_action_group",
        "email_receiver.email_address",
        matching(r"[^@\s]+@[^@\s]+", "an e-mail address"),
        _ACTION_GROUP,
    ),
    Rule("azurerm_monitor_diagnostic_setting", "log_analytics_workspace_id", _WORKSPACE, f"{_NAMES}#microsoftinsights"),
    Rule("azurerm_monitor_diagnostic_setting", "target_resource_id", _id(), f"{_NAMES}#microsoftinsights"),
    Rule("azurerm_monitor_metric_alert", "name", longest(260), f"{_NAMES}#microsoftinsights"),
    Rule("azurerm_monitor_metric_alert", "severity", between(0, 4), _ALERT),
    Rule("azurerm_monitor_metric_alert", "frequency", one_of("PT1M", "PT5M", "PT15M", "PT30M", "PT1H"), _ALERT),
    Rule(
        "azurerm_monitor_metric_alert",
        "window_size",
        one_of("PT1M", "PT5M", "PT15M", "PT30M", "PT1H", "PT6H", "PT12H", "P1D"),
        _ALERT,
    ),
    Rule(
        "azurerm_monitor_metric_alert",
        "criteria.aggregation",
        one_of("Average", "Count", "Minimum", "Maximum", "Total"),
        _ALERT,
    ),
    Rule(
        "azurerm_monitor_metric_alert",
        "criteria.operator",
        one_of("Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"),
        _ALERT,
    ),
    Rule(
        "azurerm_monitor_metric_alert",
        "action.action_group_id",
        _id("Microsoft.Insights/actionGroups"),
        _ALERT,
    ),
    Rule(
        "azurerm_private_endpoint",
        "name",
        matching(r"[A-Za-z0-9]([\w.-]{0,62}\w)?", "1 to 64 letters, digits and . _ -"),
        f"{_NAMES}#microsoftnetwork",
    ),
    Rule("azurerm_private_endpoint", "subnet_id", _id("Microsoft.Network/virtualNetworks"), _PRIVATE_ENDPOINT),
    Rule(
        "azurerm_private_endpoint",
        "private_service_connection.private_connection_resource_id",
        _id(),
        _PRIVATE_ENDPOINT,
    ),
    Rule("azurerm_resource_group", "name", _RESOURCE_GROUP, f"{_NAMES}#microsoftresources"),
    Rule("azurerm_role_assignment", "principal_id", _GUID, _ROLES),
    Rule("azurerm_role_assignment", "principal_type", one_of("User", "Group", "ServicePrincipal"), _ROLES),
    Rule("azurerm_role_assignment", "scope", matching(r"/\S*", "an ID that begins with /"), _ROLES),
    Rule(
        "azurerm_servicebus_namespace",
        "name",
        matching(
            r"(?=.{6,50}$)[A-Za-z](-?[A-Za-z0-9])*(?<!-sb)(?<!-mgmt)",
            "6 to 50 letters, digits and single hyphens, not ending in -sb or -mgmt",
        ),
        _SERVICE_BUS_NAMESPACE,
    ),
    Rule("azurerm_servicebus_namespace", "sku", one_of("Basic", "Standard", "Premium"), _SERVICE_BUS_NAMESPACE),
    Rule("azurerm_servicebus_namespace", "capacity", one_of(0, 1, 2, 4, 8, 16), _SERVICE_BUS_NAMESPACE),
    Rule("azurerm_servicebus_namespace", "minimum_tls_version", one_of("1.2"), _SERVICE_BUS_NAMESPACE),
    Rule("azurerm_servicebus_namespace", "premium_messaging_partitions", one_of(0, 1, 2, 4), _SERVICE_BUS_NAMESPACE),
    Rule("azurerm_servicebus_queue", "name", matching(r"[\w.-]{1,260}(/[\w.-]+)*", "a queue's name"), _SERVICE_BUS),
    Rule("azurerm_servicebus_queue", "default_message_ttl", _DURATION, _SERVICE_BUS_QUEUE),
    Rule("azurerm_servicebus_queue", "duplicate_detection_history_time_window", _DURATION, _SERVICE_BUS_QUEUE),
    Rule(
        "azurerm_servicebus_queue",
        "lock_duration",
        all_of(_DURATION, matching(r"PT(5M|[0-4]M([0-5]?\dS)?|[1-9]\d?S|[12]\d\dS|300S)", "at most five minutes")),
        _SERVICE_BUS_QUEUE,
    ),
    Rule("azurerm_servicebus_queue", "max_delivery_count", between(1, 2000), _SERVICE_BUS),
    Rule("azurerm_servicebus_queue", "max_message_size_in_kilobytes", between(1024, 102400), _SERVICE_BUS),
    Rule(
        "azurerm_servicebus_queue",
        "max_size_in_megabytes",
        one_of(1024, 2048, 3072, 4096, 5120, 10240, 20480, 40960, 81920),
        _SERVICE_BUS,
    ),
    Rule(
        "azurerm_storage_account",
        "name",
        matching(r"[a-z0-9]{3,24}", "3 to 24 small letters and digits"),
        f"{_NAMES}#microsoftstorage",
    ),
    Rule("azurerm_storage_account", "account_tier", one_of("Standard", "Premium"), _STORAGE),
    Rule(
        "azurerm_storage_account",
        "account_replication_type",
        one_of("LRS", "ZRS", "GRS", "RAGRS", "GZRS", "RAGZRS"),
        _STORAGE,
    ),
    Rule("azurerm_storage_account", "min_tls_version", one_of("TLS1_2", "TLS1_3"), _STORAGE),
    Rule(
        "azurerm_storage_table",
        "name",
        matching(r"[A-Za-z][A-Za-z0-9]{2,62}", "3 to 63 letters and digits, beginning with a letter"),
        f"{_DOCS}/rest/api/storageservices/understanding-the-table-service-data-model",
    ),
    Rule(
        "azurerm_user_assigned_identity",
        "name",
        matching(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}", "3 to 128 letters, digits, _ and -"),
        f"{_NAMES}#microsoftmanagedidentity",
    ),
    Rule(
        "azurerm_web_application_firewall_policy",
        "custom_rules.action",
        one_of("Allow", "Block", "Log", "JSChallenge"),
        _WAF,
    ),
    Rule("azurerm_web_application_firewall_policy", "custom_rules.priority", between(1, 100), _WAF),
    Rule(
        "azurerm_web_application_firewall_policy",
        "custom_rules.rule_type",
        one_of("MatchRule", "RateLimitRule"),
        _WAF,
    ),
    Rule(
        "azurerm_web_application_firewall_policy",
        "custom_rules.rate_limit_duration",
        one_of("OneMin", "FiveMins"),
        _WAF_LIMIT,
    ),
    Rule(
        "azurerm_web_application_firewall_policy",
        "custom_rules.rate_limit_threshold",
        between(1, 2**31 - 1),
        _WAF_LIMIT,
    ),
    Rule("azurerm_web_application_firewall_policy", "policy_settings.mode", one_of("Detection", "Prevention"), _WAF),
)


def _features(config: Config) -> Iterator[Complaint]:
    # The provider asks for the block by a validator, which a schema does not show.
    if not config.get("features"):
        yield Complaint("Insufficient features blocks", 'At least 1 "features" blocks are required.')


def _premium_registry(config: Config) -> Iterator[Complaint]:
    premium = ("data_endpoint_enabled", "georeplications", "quarantine_policy_enabled", "retention_policy_in_days")
    sku = config.get("sku")
    for name in premium:
        if is_known(sku) and sku != "Premium" and is_known(config.get(name)) and config.get(name):
            yield Complaint("Invalid value", f"{name} needs the sku Premium, not {sku}", (name,))


def _basic_service_bus(config: Config) -> Iterator[Complaint]:
    sku, capacity = config.get("sku"), config.get("capacity")
    if is_known(sku) and is_known(capacity) and (sku == "Premium") != bool(capacity):
        yield Complaint(
            "Invalid value", f"capacity ({capacity or 0}) is for the sku Premium, and needed there", ("sku",)
        )


RELATIONS: tuple[Relation, ...] = (
    Relation("provider.azurerm", _features, _PROVIDER),
    Relation("azurerm_container_registry", _premium_registry, _ACR),
    Relation("azurerm_servicebus_namespace", _basic_service_bus, _SERVICE_BUS_NAMESPACE),
    needs("azurerm_role_assignment", _ROLES, "condition", "condition_version"),
)
