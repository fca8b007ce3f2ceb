# PostgreSQL flexible server: one primary, a standby in another zone where database.high_availability
# says so, and read replicas. Sizes are those of sm.yaml. The database in it is made by
# `database-roles`, so that nothing here could drop it.

locals {
  # Host names, so unique in all of Azure, 63 characters at most: 46 + "-" + 6, and "-replica-5".
  database_name_prefix = "${trim(substr("psql-${local.name}", 0, 46), "-")}-${local.unique_suffix}"

  # A server cannot be renamed, so one that was restored has a name of its own (docs/runbook.md).
  database_server_name = coalesce(var.database_server_name, local.database_name_prefix)

  # Those that serve reads, and one that only waits in another region (database_standby_region).
  database_replicas = merge(
    { for number in range(1, local.settings.database.replicas + 1) : "replica-${number}" => local.location },
    { for region in var.database_standby_region[*] : "standby" => region },
  )

  database_server_ids = merge(
    { primary = azurerm_postgresql_flexible_server.primary.id },
    { for key, server in azurerm_postgresql_flexible_server.replica : key => server.id },
  )

  # Disks are sold in these sizes (GiB); the smallest that holds database.storage.
  # https://learn.microsoft.com/azure/postgresql/extensions/concepts-storage
  database_disk = min([for size in [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384] : size if size >= local.settings.database.storage]...)
}

resource "azurerm_postgresql_flexible_server" "primary" {
  #checkov:skip=CKV_AZURE_136: backups in another region are database.cross_region_backup in sm.yaml, on in production

  name                = local.database_server_name
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags

  version  = local.settings.database.version # the major one; Azure brings the minor in the window
  sku_name = local.settings.database.instance_class

  # Grows by itself when it is nearly full, and never shrinks.
  storage_mb        = local.database_disk * 1024
  auto_grow_enabled = true

  administrator_login               = local.database_admin_user
  administrator_password_wo         = ephemeral.random_password.database_admin.result
  administrator_password_wo_version = var.database_admin_password_version

  # Passwords stay on for the jobs, whatever the service logs in with.
  authentication {
    active_directory_auth_enabled = local.settings.database.identity_authentication
    password_auth_enabled         = true
    tenant_id                     = local.settings.database.identity_authentication ? data.azurerm_client_config.current.tenant_id : null
  }

  # By private endpoint alone (database_network.tf).
  public_network_access_enabled = false

  backup_retention_days        = local.settings.database.backup_retention
  geo_redundant_backup_enabled = local.settings.database.cross_region_backup

  dynamic "high_availability" {
    for_each = local.settings.database.high_availability ? ["ZoneRedundant"] : []

    content {
      mode = high_availability.value
    }
  }

  # UTC; a minor version that breaks something breaks staging on Wednesday, not production on Sunday.
  maintenance_window {
    day_of_week  = var.environment == "prod" ? 0 : 3
    start_hour   = 3
    start_minute = 0
  }

  dynamic "identity" {
    for_each = var.data_encryption[*]

    content {
      type         = "UserAssigned"
      identity_ids = compact([identity.value.identity_id, identity.value.backup_identity_id])
    }
  }

  dynamic "customer_managed_key" {
    for_each = var.data_encryption[*]

    content {
      key_vault_key_id                     = customer_managed_key.value.key_id
      primary_user_assigned_identity_id    = customer_managed_key.value.identity_id
      geo_backup_key_vault_key_id          = local.settings.database.cross_region_backup ? customer_managed_key.value.backup_key_id : null
      geo_backup_user_assigned_identity_id = local.settings.database.cross_region_backup ? customer_managed_key.value.backup_identity_id : null
    }
  }

  # What can be chosen only when a server is made would replace it, with its data. So Terraform leaves it
  # alone, and refuses to go on while sm.yaml or tfvars say something else (docs/delivery.md).
  lifecycle {
    ignore_changes = [
      customer_managed_key,
      geo_redundant_backup_enabled,
      location,
      storage_mb, # grew by itself; going back to the size of sm.yaml would replace it as well
      zone,       # changes with a failover
      high_availability[0].standby_availability_zone,
    ]

    postcondition {
      condition     = self.geo_redundant_backup_enabled == local.settings.database.cross_region_backup
      error_message = "Backups in another region can be chosen only when a server is made. Set database.cross_region_backup back, or move to a new server (docs/delivery.md)."
    }

    postcondition {
      condition     = length(self.customer_managed_key) == length(var.data_encryption[*])
      error_message = "A key of your own can be chosen only when a server is made. Set data_encryption back, or move to a new server (docs/delivery.md)."
    }

    postcondition {
      condition     = self.location == local.location
      error_message = "The database is in ${self.location} and the cluster in ${local.location}: move the database first (docs/delivery.md)."
    }
  }
}

resource "azurerm_postgresql_flexible_server" "replica" {
  #checkov:skip=CKV_AZURE_136: backups are taken of the primary; a replica is made again from it
  for_each = local.database_replicas

  name                = "${local.database_name_prefix}-${each.key}"
  resource_group_name = local.resource_group_name
  location            = each.value
  tags                = local.tags

  create_mode      = "Replica"
  source_server_id = azurerm_postgresql_flexible_server.primary.id

  version           = local.settings.database.version
  sku_name          = local.settings.database.instance_class
  storage_mb        = local.database_disk * 1024
  auto_grow_enabled = true

  authentication {
    active_directory_auth_enabled = local.settings.database.identity_authentication
    password_auth_enabled         = true
    tenant_id                     = local.settings.database.identity_authentication ? data.azurerm_client_config.current.tenant_id : null
  }

  public_network_access_enabled = false

  maintenance_window {
    day_of_week  = var.environment == "prod" ? 0 : 3
    start_hour   = 3
    start_minute = 0
  }

  dynamic "identity" {
    for_each = var.data_encryption[*]

    content {
      type         = "UserAssigned"
      identity_ids = [each.key == "standby" ? identity.value.backup_identity_id : identity.value.identity_id]
    }
  }

  dynamic "customer_managed_key" {
    for_each = var.data_encryption[*]

    content {
      key_vault_key_id                  = each.key == "standby" ? customer_managed_key.value.backup_key_id : customer_managed_key.value.key_id
      primary_user_assigned_identity_id = each.key == "standby" ? customer_managed_key.value.backup_identity_id : customer_managed_key.value.identity_id
    }
  }

  lifecycle {
    ignore_changes = [storage_mb, zone]
  }
}

# What database.deletion_protection means in Azure: nobody deletes the server, whatever his rights,
# before somebody has taken the lock away. Terraform would do that first when a plan deletes or replaces
# the server, so the identity that deploys may make locks and not remove them: docs/azure-access.md
resource "azurerm_management_lock" "database" {
  count = local.settings.database.deletion_protection ? 1 : 0

  name       = "keep-database"
  scope      = azurerm_postgresql_flexible_server.primary.id
  lock_level = "CanNotDelete"
  notes      = "Holds the data of ${local.name}: docs/delivery.md says how to end this protection."

  # Deleting what lies below the server would be refused as well.
  depends_on = [azurerm_postgresql_flexible_server_active_directory_administrator.migrate]
}
