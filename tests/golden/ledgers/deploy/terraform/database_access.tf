# What the pods may do: the service reads the credentials of its login, the jobs that make roles,
# migrate and rotate read the administrator's and write those of all logins. Each has a ServiceAccount
# and an identity of its own; roles are granted on single secrets, never on the vault.

resource "azurerm_user_assigned_identity" "migrate" {
  name                = "id-${local.name}-migrate"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "migrate" {
  name                      = "${local.name}-migrate"
  user_assigned_identity_id = azurerm_user_assigned_identity.migrate.id
  issuer                    = data.azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject                   = "system:serviceaccount:${local.settings.namespace}:${local.service}-migrate"
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "database_credentials" {
  scope                = azurerm_key_vault_secret.database["app"].resource_versionless_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.workload.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "migrate_admin" {
  scope                = azurerm_key_vault_secret.database_admin.resource_versionless_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.migrate.principal_id
  principal_type       = "ServicePrincipal"
}

# The smallest role of Azure's that sets a secret. It may delete it as well, which purge protection
# lets anybody take back.
resource "azurerm_role_assignment" "migrate_logins" {
  for_each = azurerm_key_vault_secret.database

  scope                = each.value.resource_versionless_id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = azurerm_user_assigned_identity.migrate.principal_id
  principal_type       = "ServicePrincipal"
}

# With database.authentication identity: who may make logins out of identities. Only an administrator
# out of Entra ID can, not the one with a password. Replicas have what the primary has.
# https://learn.microsoft.com/azure/postgresql/security/security-manage-entra-users
resource "azurerm_postgresql_flexible_server_active_directory_administrator" "migrate" {
  count = local.settings.database.identity_authentication ? 1 : 0

  server_name         = azurerm_postgresql_flexible_server.primary.name
  resource_group_name = local.resource_group_name
  tenant_id           = data.azurerm_client_config.current.tenant_id
  object_id           = azurerm_user_assigned_identity.migrate.principal_id
  principal_name      = azurerm_user_assigned_identity.migrate.name
  principal_type      = "ServicePrincipal"
}
