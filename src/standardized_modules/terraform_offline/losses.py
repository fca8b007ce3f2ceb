"""Schema facts that the generated source drops, for the resource types that generated services use, now and as planned.

Taken from `terraform providers schema -json` of aws 6.47 and azurerm 4.79; tests/terraform_offline/test_dumps.py
compares both ways. A type that is missing here loses the flag, and never gains a wrong one.
"""

# Without the flag an output of a secret would pass here and be refused by the core with the real provider.
SENSITIVE: dict[str, tuple[str, ...]] = {
    "aws_acm_certificate": ("private_key",),
    "aws_db_instance": ("password", "password_wo"),
    "aws_elasticache_replication_group": ("auth_token", "auth_token_wo"),
    "aws_elasticache_user": ("passwords", "passwords_wo", "authentication_mode.passwords"),
    "aws_lb_listener": ("default_action.authenticate_oidc.client_secret",),
    "aws_lb_listener_rule": ("action.authenticate_oidc.client_secret",),
    "aws_secretsmanager_secret_version": ("secret_binary", "secret_string", "secret_string_wo"),
    "data.aws_secretsmanager_secret_version": ("secret_binary", "secret_string"),
    "ephemeral.aws_secretsmanager_secret_version": ("secret_binary", "secret_string"),
    "azurerm_application_gateway": (
        "ssl_certificate.data",
        "ssl_certificate.password",
        "trusted_client_certificate.data",
        "trusted_root_certificate.data",
    ),
    "azurerm_application_insights": ("connection_string", "instrumentation_key"),
    "azurerm_container_registry": ("admin_password",),
    "azurerm_eventhub_namespace": (
        "default_primary_connection_string",
        "default_primary_connection_string_alias",
        "default_primary_key",
        "default_secondary_connection_string",
        "default_secondary_connection_string_alias",
        "default_secondary_key",
    ),
    "azurerm_key_vault_secret": ("value",),
    "data.azurerm_key_vault_secret": ("value",),
    "azurerm_kubernetes_cluster": (
        "http_proxy_config.trusted_ca",
        "kube_admin_config",
        "kube_admin_config_raw",
        "kube_config",
        "kube_config_raw",
        "service_principal.client_secret",
        "windows_profile.admin_password",
    ),
    "data.azurerm_kubernetes_cluster": ("kube_admin_config", "kube_admin_config_raw", "kube_config", "kube_config_raw"),
    "azurerm_log_analytics_workspace": ("primary_shared_key", "secondary_shared_key"),
    "azurerm_managed_redis": ("default_database.primary_access_key", "default_database.secondary_access_key"),
    "azurerm_postgresql_flexible_server": ("administrator_password",),
    "azurerm_redis_cache": (
        "primary_access_key",
        "primary_connection_string",
        "redis_configuration.aof_storage_connection_string_0",
        "redis_configuration.aof_storage_connection_string_1",
        "redis_configuration.rdb_storage_connection_string",
        "secondary_access_key",
        "secondary_connection_string",
    ),
    "azurerm_servicebus_namespace": (
        "default_primary_connection_string",
        "default_primary_key",
        "default_secondary_connection_string",
        "default_secondary_key",
    ),
    "azurerm_storage_account": (
        "primary_access_key",
        "primary_blob_connection_string",
        "primary_connection_string",
        "secondary_access_key",
        "secondary_blob_connection_string",
        "secondary_connection_string",
    ),
    "random_password": ("bcrypt_hash", "result"),
    "ephemeral.random_password": ("bcrypt_hash", "result"),
    "kubernetes_secret": ("binary_data", "data"),
    "kubernetes_secret_v1": ("binary_data", "data"),
}

# The generator tells one from many, and nothing in between.
MAX_ITEMS: dict[str, dict[str, int]] = {
    "aws_ecr_repository": {"image_tag_mutability_exclusion_filter": 5},
    "aws_eks_node_group": {"taint": 50},
    "aws_elasticache_replication_group": {"log_delivery_configuration": 2},
    "aws_lb_listener": {"default_action.forward.target_group": 5, "default_action.jwt_validation.additional_claim": 10},
    "aws_lb_listener_rule": {
        "action.forward.target_group": 5,
        "action.jwt_validation.additional_claim": 10,
        "transform": 2,
    },
    "aws_wafv2_web_acl_logging_configuration": {"redacted_fields": 100},
    "azurerm_application_gateway": {"gateway_ip_configuration": 2},
    "azurerm_managed_redis": {"default_database.module": 4},
    "azurerm_storage_account": {"blob_properties.cors_rule": 5, "share_properties.cors_rule": 5},
    "azurerm_virtual_network": {"ip_address_pool": 2},
}
