"""Faults that only a data_api's own `terraform test` sees on Azure: file, text, replacement, who complains.

They are made all at once, and each must be reported by its own assertion (test_terraform_data).
"""

from __future__ import annotations

FAULTS = (
    # The servers.
    (
        "database.tf",
        "  public_network_access_enabled = false",
        "  public_network_access_enabled = true",
        "no server may have a public address",
    ),
    ("database.tf", '["ZoneRedundant"]', '["SameZone"]', "the standby must be in another zone"),
    (
        "database.tf",
        "auto_grow_enabled = true",
        "auto_grow_enabled = false",
        "a disk that fills up must grow by itself",
    ),
    (
        "database.tf",
        "= local.settings.database.backup_retention\n",
        "= 7\n",
        "backups must be kept for as long, and as far away",
    ),
    ("database.tf", '"CanNotDelete"', '"ReadOnly"', "nobody may delete the server by mistake"),
    ("database.tf", 'var.environment == "prod" ? 0 : 3', "3", "production is changed after everybody else"),
    (
        "database.tf",
        "condition     = self.geo_redundant_backup_enabled == local.settings.database.cross_region_backup",
        "condition     = self.location == local.location",
        "tests/database.tftest.hcl: Missing expected failure",
    ),
    (
        "database.tf",
        "condition     = length(self.customer_managed_key) == length(var.data_encryption[*])",
        "condition     = self.location == local.location",
        "tests/database_encryption.tftest.hcl: Missing expected failure",
    ),
    ("outputs.tf", ' if key != "standby"', "", "nobody reads from the standby"),
    (
        "database_parameters.tf",
        '"require_secure_transport"            = "on"',
        '"require_secure_transport" = "off"',
        "nobody may connect without TLS 1.2",
    ),
    (
        "database_parameters.tf",
        '"azure.accepted_password_auth_method" = "scram-sha-256"',
        '"azure.accepted_password_auth_method" = "md5"',
        "MD5 must be neither stored nor accepted",
    ),
    (
        "database_parameters.tf",
        '"log_parameter_max_length"   = "0"',
        '"log_parameter_max_length" = "-1"',
        "values that people sent must not be logged",
    ),
    (
        "database_parameters.tf",
        "database_reserved_connections = 15",
        "database_reserved_connections = 0",
        "the service must get the connections that sm.yaml counts on",
    ),
    (
        "database_parameters.tf",
        "1000 * local.settings.database.max_replica_lag",
        "local.settings.database.max_replica_lag",
        "a query must not hold replay up for longer than the replica may be behind",
    ),
    ("database_network.tf", '["postgresqlServer"]', '["postgresql"]', "every server needs a private address"),
    # Who may what.
    (
        "database_access.tf",
        'azurerm_key_vault_secret.database["app"].resource_versionless_id',
        "azurerm_key_vault.service.id",
        "the service must read its own login, and nothing else",
    ),
    (
        "database_access.tf",
        'scope                = azurerm_key_vault_secret.database_admin.resource_versionless_id\n  role_definition_name = "Key Vault Secrets User"',
        'scope                = azurerm_key_vault_secret.database_admin.resource_versionless_id\n  role_definition_name = "Key Vault Secrets Officer"',
        "the jobs must read the administrator's password, and not write it",
    ),
    (
        "database_access.tf",
        ":${local.service}-migrate",
        ":${local.service}",
        "the identity of the jobs must be theirs alone",
    ),
    (
        "database_credentials.tf",
        "rbac_authorization_enabled    = true",
        "rbac_authorization_enabled = false",
        "roles must say who gets in",
    ),
    (
        "database_credentials.tf",
        "  value_wo_version = 1\n",
        "  value_wo_version = var.database_admin_password_version\n",
        "Terraform must not overwrite what the jobs wrote",
    ),
    (
        "database_credentials.tf",
        'var.environment == "prod" ? 90 : 7',
        "7",
        "what was deleted in production must come back for three months",
    ),
    # Who is told.
    (
        "database_alerts.tf",
        "floor(0.8 * local.settings.database.max_connections)",
        "floor(1.2 * local.settings.database.max_connections)",
        "the alert must come before logins are refused",
    ),
    (
        "database_alerts.tf",
        "threshold   = 90 # it should",
        "threshold   = 96 # it should",
        "the alert must come before the server takes no writes",
    ),
    (
        "database_alerts.tf",
        "max(6 * local.settings.database.max_replica_lag, 600)",
        "1",
        "the service's own limit must come before the alert",
    ),
    ("database_alerts.tf", '["PostgreSQLLogs"]', '["PostgreSQLFlexSessions"]', "the logs of every server must be kept"),
    # The cache.
    (
        "cache.tf",
        "access_keys_authentication_enabled = false",
        "access_keys_authentication_enabled = true",
        "nobody may get in with a key",
    ),
    (
        "cache.tf",
        '"EnterpriseCluster"',
        '"OSSCluster"',
        "the service's client does not follow redirects to other nodes",
    ),
    ("cache.tf", '"AllKeysLRU"', '"NoEviction"', "a full cache must make room instead of refusing writes"),
    ("cache.tf", '"Disabled"', '"Enabled"', "nobody may connect without TLS, or from the internet"),
    # Backups.
    (
        "backup_storage.tf",
        '= var.environment == "prod"',
        "= false",
        "in production nobody may delete a backup before its time",
    ),
    (
        "backup_storage.tf",
        '? "RAGZRS" : "ZRS"',
        '? "ZRS" : "ZRS"',
        "backups must survive a zone, and the region where sm.yaml says so",
    ),
    (
        "backup_storage.tf",
        "local.settings.backup.retention + 1",
        "local.settings.backup.retention - 1",
        "backups must end after the policy lets go",
    ),
    (
        "backup_storage.tf",
        "shared_access_key_enabled       = false",
        "shared_access_key_enabled = true",
        "nobody may get in with a key, or without any",
    ),
    (
        "backup_storage.tf",
        "public_network_access_enabled     = false",
        "public_network_access_enabled = true",
        "nobody may get in from the internet, or without TLS 1.2",
    ),
    (
        "backup_access.tf",
        "azurerm_storage_container.backup.id",
        "azurerm_storage_account.backup.id",
        "the jobs must write into this container, and nowhere else",
    ),
    ("backup_alerts.tf", '"LessThan"', '"GreaterThan"', "people must be told when no backup arrives"),
    (
        "backup_access.tf",
        '"Storage Blob Data Reader"',
        '"Storage Blob Data Owner"',
        "who restores must be able to read backups, and nothing else of them",
    ),
)
