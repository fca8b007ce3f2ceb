# Passwords of the database, in a Key Vault of this environment. None of them is ever in Terraform's
# state: those of the logins are made by `database-roles` and `rotate-credentials` inside the cluster,
# the administrator's as an ephemeral value.

data "azurerm_client_config" "current" {}

locals {
  database_admin_user = "${local.settings.database.name}_admin"

  # Who logs in, and which secret of it the pods read.
  database_logins = {
    app      = "Login of the service, one of two that alternate"
    migrator = "Login of the migrations, owner of the schema"
    backup   = "Login of the backups, which reads everything"
  }
}

resource "azurerm_key_vault" "service" {
  #checkov:skip=CKV_AZURE_109: identities with a role on a single secret get in; private_key_vault closes the public way
  #checkov:skip=CKV_AZURE_189: whoever runs Terraform writes secrets, from outside the network too; private_key_vault turns this off
  #checkov:skip=CKV2_AZURE_32: private_key_vault makes the private endpoint, for those who run Terraform inside the network

  # A host name, so unique in all of Azure: 24 characters at most.
  name                = "${trim(substr("kv-${local.name}", 0, 17), "-")}-${local.unique_suffix}"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags

  tenant_id                     = data.azurerm_client_config.current.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  public_network_access_enabled = !var.private_key_vault

  # Whoever deletes vault or secret by mistake gets it back; `terraform apply` does that by itself.
  purge_protection_enabled   = true
  soft_delete_retention_days = var.environment == "prod" ? 90 : 7

  network_acls {
    default_action = var.private_key_vault ? "Deny" : "Allow"
    bypass         = "AzureServices"
  }
}

resource "azurerm_private_endpoint" "key_vault" {
  count = var.private_key_vault ? 1 : 0

  name                = "${trim(substr("pe-${local.name}", 0, 45), "-")}-key-vault"
  resource_group_name = local.resource_group_name
  location            = local.location
  subnet_id           = var.private_endpoint_subnet_id
  tags                = local.tags

  private_service_connection {
    name                           = "key-vault"
    private_connection_resource_id = azurerm_key_vault.service.id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  dynamic "private_dns_zone_group" {
    for_each = var.key_vault_private_dns_zone_id[*]

    content {
      name                 = "default"
      private_dns_zone_ids = [private_dns_zone_group.value]
    }
  }

  lifecycle {
    ignore_changes = [private_dns_zone_group]
  }
}

# Empty until `database-roles` writes what it made; a secret without any value cannot be, and without a
# secret nobody could be given a role on it. The version stays 1, so Terraform never writes it again.
resource "azurerm_key_vault_secret" "database" {
  #checkov:skip=CKV_AZURE_41: the CronJob rotate-credentials makes a new one long before; a date would only lock the service out when it did not
  for_each = local.database_logins

  name             = "database-${each.key}"
  key_vault_id     = azurerm_key_vault.service.id
  content_type     = "application/json"
  value_wo         = "{}"
  value_wo_version = 1
  tags             = merge(local.tags, { Purpose = each.value })

  lifecycle {
    ignore_changes = [content_type, tags] # each version has its own, and the newest is of `database-roles`
  }

  depends_on = [azurerm_private_endpoint.key_vault]
}

ephemeral "random_password" "database_admin" {
  length = 40

  # Azure wants three of four kinds of characters; 40 letters and digits are 238 bits.
  special     = false
  min_lower   = 1
  min_upper   = 1
  min_numeric = 1
}

# After the server: what fails is making a server, and the next run makes up another password.
resource "azurerm_key_vault_secret" "database_admin" {
  #checkov:skip=CKV_AZURE_41: raising database_admin_password_version rotates it; a date would only lock the jobs out
  name         = "database-admin"
  key_vault_id = azurerm_key_vault.service.id
  content_type = "application/json"
  tags         = merge(local.tags, { Purpose = "Administrator of the database, for the jobs that make roles" })

  value_wo_version = var.database_admin_password_version
  value_wo = jsonencode({
    username = local.database_admin_user
    password = ephemeral.random_password.database_admin.result
  })

  depends_on = [azurerm_postgresql_flexible_server.primary, azurerm_private_endpoint.key_vault]
}
