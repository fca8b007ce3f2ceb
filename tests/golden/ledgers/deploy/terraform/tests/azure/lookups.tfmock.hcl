# What the tests find in Azure. `terraform test` invents what is not said here; IDs are said,
# because the provider refuses invented ones where it takes them in.

mock_data "azurerm_resource_group" {
  defaults = {
    id       = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging"
    location = "northeurope"
  }
}

mock_data "azurerm_kubernetes_cluster" {
  defaults = {
    location            = "northeurope"
    oidc_issuer_enabled = true
    oidc_issuer_url     = "https://northeurope.oic.prod-aks.azure.com/tenant/issuer/"
    kube_admin_config   = []

    azure_active_directory_role_based_access_control = [{
      azure_rbac_enabled = false
    }]
    network_profile = [{
      network_policy = "cilium"
    }]
  }
}

mock_resource "azurerm_monitor_action_group" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging/providers/Microsoft.Insights/actionGroups/ag-ledgers-staging"
  }
}

mock_data "azurerm_subnet" {
  defaults = {
    address_prefixes = ["10.20.9.0/24"]
  }
}

mock_data "azurerm_private_dns_zone" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/dns/providers/Microsoft.Network/privateDnsZones/example.com"
  }
}

mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ledgers-staging"
    client_id    = "22222222-3333-4444-5555-666666666666"
    principal_id = "33333333-4444-5555-6666-777777777777"
  }
}

mock_data "azurerm_client_config" {
  defaults = {
    tenant_id = "77777777-8888-9999-aaaa-bbbbbbbbbbbb"
  }
}

mock_resource "azurerm_postgresql_flexible_server" {
  defaults = {
    id   = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging/providers/Microsoft.DBforPostgreSQL/flexibleServers/psql-ledgers"
    fqdn = "psql-ledgers.postgres.database.azure.com"
  }
}

mock_resource "azurerm_key_vault" {
  defaults = {
    id        = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging/providers/Microsoft.KeyVault/vaults/kv-ledgers"
    vault_uri = "https://kv-ledgers.vault.azure.net/"
  }
}

mock_resource "azurerm_key_vault_secret" {
  defaults = {
    resource_versionless_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging/providers/Microsoft.KeyVault/vaults/kv-ledgers/secrets/database"
  }
}

mock_resource "azurerm_managed_redis" {
  defaults = {
    id       = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging/providers/Microsoft.Cache/redisEnterprise/redis-ledgers"
    hostname = "redis-ledgers.northeurope.redis.azure.net"
  }
}

mock_resource "azurerm_storage_account" {
  defaults = {
    id                    = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging/providers/Microsoft.Storage/storageAccounts/backups"
    primary_blob_endpoint = "https://backups.blob.core.windows.net/"
  }
}

mock_resource "azurerm_storage_container" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-staging/providers/Microsoft.Storage/storageAccounts/backups/blobServices/default/containers/backups"
  }
}
