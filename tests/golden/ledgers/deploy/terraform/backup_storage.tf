# Logical backups: written once, kept for backup.retention days, and until then neither overwritten nor
# deleted by anybody. Azure's own backups are with the server (database.tf) and go away with it.

resource "azurerm_storage_account" "backup" {
  #checkov:skip=CKV_AZURE_33: there are no queues in this account
  #checkov:skip=CKV_AZURE_206: a copy in another region is database.cross_region_backup in sm.yaml, on in production
  #checkov:skip=CKV2_AZURE_1: Microsoft's key encrypts unless data_encryption names one of your own, and a second layer lies below it

  # A host name too, so it is unique in all of Azure: 24 small letters and digits at most.
  name                = "bak${substr(replace(local.name, "-", ""), 0, 15)}${local.unique_suffix}"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags

  account_tier = "Standard"
  account_kind = "StorageV2"

  # Three zones, and with a copy in the paired region, which can be read when this one is gone.
  account_replication_type = local.settings.backup.cross_region ? "RAGZRS" : "ZRS"

  # Nobody gets in with a key: it takes an identity of Entra ID, and a role.
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  local_user_enabled              = false

  https_traffic_only_enabled        = true
  min_tls_version                   = "TLS1_2"
  public_network_access_enabled     = false
  infrastructure_encryption_enabled = true # can only be chosen at the beginning
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  allowed_copy_scope                = "AAD"

  network_rules {
    default_action = "Deny"
    bypass         = ["AzureServices"]
  }

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = 14
    }

    container_delete_retention_policy {
      days = 14
    }
  }

  dynamic "identity" {
    for_each = var.data_encryption[*]

    content {
      type         = "UserAssigned"
      identity_ids = [identity.value.identity_id]
    }
  }

  dynamic "customer_managed_key" {
    for_each = var.data_encryption[*]

    content {
      key_vault_key_id          = customer_managed_key.value.key_id
      user_assigned_identity_id = customer_managed_key.value.identity_id
    }
  }
}

resource "azurerm_storage_container" "backup" {
  #checkov:skip=CKV2_AZURE_21: every request is logged, by the diagnostic setting in backup_alerts.tf

  name               = "backups"
  storage_account_id = azurerm_storage_account.backup.id
}

# Counted from the moment a blob was written. In production it is locked: then the period can grow,
# never shrink, and neither an owner of the subscription nor Microsoft can take it away. The account
# cannot be deleted either while a blob is younger than that.
# https://learn.microsoft.com/azure/storage/blobs/immutable-time-based-retention-policy-overview
resource "azurerm_storage_container_immutability_policy" "backup" {
  storage_container_resource_manager_id = azurerm_storage_container.backup.id
  immutability_period_in_days           = local.settings.backup.retention
  locked                                = var.environment == "prod"
}

resource "azurerm_storage_management_policy" "backup" {
  storage_account_id = azurerm_storage_account.backup.id

  rule {
    name    = "end-of-retention"
    enabled = true

    filters {
      blob_types   = ["blockBlob"]
      prefix_match = ["${azurerm_storage_container.backup.name}/"]
    }

    # A day after the policy lets go; soft delete keeps it for two weeks more.
    actions {
      base_blob {
        delete_after_days_since_creation_greater_than = local.settings.backup.retention + 1
      }

      version {
        delete_after_days_since_creation = local.settings.backup.retention + 1
      }
    }
  }
}

resource "azurerm_private_endpoint" "backup" {
  name                = "${trim(substr("pe-${local.name}", 0, 45), "-")}-backup"
  resource_group_name = local.resource_group_name
  location            = local.location
  subnet_id           = var.private_endpoint_subnet_id
  tags                = local.tags

  private_service_connection {
    name                           = "backup"
    private_connection_resource_id = azurerm_storage_account.backup.id
    subresource_names              = ["blob"]
    is_manual_connection           = false
  }

  # Pods must find the private address by the public name. Where a policy of your landing zone sees
  # to that, it needs nothing here.
  dynamic "private_dns_zone_group" {
    for_each = var.blob_private_dns_zone_id[*]

    content {
      name                 = "default"
      private_dns_zone_ids = [private_dns_zone_group.value]
    }
  }

  lifecycle {
    # The policy of a landing zone would be undone at every apply.
    ignore_changes = [private_dns_zone_group]
  }
}
