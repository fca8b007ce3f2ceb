# Which tasks are being done and which were done, so that a message that arrives twice is not
# executed twice. It holds keys and times, no payloads.

resource "azurerm_storage_account" "idempotency" {
  #checkov:skip=CKV_AZURE_33: there are no queues in this account
  #checkov:skip=CKV_AZURE_59: identities alone get in; private_endpoint_subnet_id turns public access off
  #checkov:skip=CKV_AZURE_206: replicated over three zones; checkov asks for another region, where no worker runs
  #checkov:skip=CKV2_AZURE_1: Microsoft's key encrypts the keys of tasks, and a second layer lies below it
  #checkov:skip=CKV2_AZURE_38: there are no blobs in this account

  # A host name too, so it is unique in all of Azure: 24 small letters and digits at most.
  name                = "st${substr(replace(local.name, "-", ""), 0, 16)}${local.unique_suffix}"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags

  account_tier             = "Standard"
  account_kind             = "StorageV2"
  account_replication_type = "ZRS" # survives a zone; a copy in another region would not be asked

  # Nobody gets in with a key: it takes an identity of Entra ID, and a role.
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  local_user_enabled              = false

  https_traffic_only_enabled        = true
  min_tls_version                   = "TLS1_2"
  public_network_access_enabled     = var.private_endpoint_subnet_id == null
  infrastructure_encryption_enabled = true # can only be chosen at the beginning
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  allowed_copy_scope                = "AAD"

  # Only where the pods' address is known can a network rule let them in, and that is what the
  # private endpoint is for.
  dynamic "network_rules" {
    for_each = var.private_endpoint_subnet_id[*]

    content {
      default_action = "Deny"
      bypass         = ["AzureServices"]
    }
  }
}

resource "azurerm_storage_table" "idempotency" {
  #checkov:skip=CKV2_AZURE_20: every task reads and writes here; a log of that would cost more than the table and say nothing new

  name               = "idempotency"
  storage_account_id = azurerm_storage_account.idempotency.id
}

resource "azurerm_role_assignment" "idempotency" {
  scope                = azurerm_storage_table.idempotency.resource_manager_id
  role_definition_name = "Storage Table Data Contributor"
  principal_id         = azurerm_user_assigned_identity.worker.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_private_endpoint" "idempotency" {
  count = var.private_endpoint_subnet_id == null ? 0 : 1

  name                = "pe-${local.name}-idempotency"
  resource_group_name = local.resource_group_name
  location            = local.location
  subnet_id           = var.private_endpoint_subnet_id
  tags                = local.tags

  private_service_connection {
    name                           = "idempotency"
    private_connection_resource_id = azurerm_storage_account.idempotency.id
    subresource_names              = ["table"]
    is_manual_connection           = false
  }

  dynamic "private_dns_zone_group" {
    for_each = var.table_private_dns_zone_id[*]

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
