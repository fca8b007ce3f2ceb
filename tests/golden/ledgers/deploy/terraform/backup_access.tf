# Who makes backups: the jobs in the cluster that write logical ones and read them back for the drill.

resource "azurerm_user_assigned_identity" "backup" {
  name                = "id-${local.name}-backup"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "backup" {
  name                      = "${local.name}-backup"
  user_assigned_identity_id = azurerm_user_assigned_identity.backup.id
  issuer                    = data.azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject                   = "system:serviceaccount:${local.settings.namespace}:${local.service}-backup"
  audience                  = ["api://AzureADTokenExchange"]
}

# The smallest role of Azure's that writes blobs. It may delete them as well, which the immutability
# policy refuses.
resource "azurerm_role_assignment" "backup_storage" {
  scope                = azurerm_storage_container.backup.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.backup.principal_id
  principal_type       = "ServicePrincipal"
}

# scripts/restore.sh runs as the jobs that make roles: a restore makes them, and owns the schema.
resource "azurerm_role_assignment" "restore_storage" {
  scope                = azurerm_storage_container.backup.id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = azurerm_user_assigned_identity.migrate.principal_id
  principal_type       = "ServicePrincipal"
}

# A login that reads everything and makes the database of the drill.
resource "azurerm_role_assignment" "backup_credentials" {
  scope                = azurerm_key_vault_secret.database["backup"].resource_versionless_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.backup.principal_id
  principal_type       = "ServicePrincipal"
}
