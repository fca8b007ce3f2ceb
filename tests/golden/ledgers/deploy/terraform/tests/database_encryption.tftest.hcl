# A key of your own, from the beginning or never.

mock_provider "azurerm" {
  source = "./tests/azure"
}

variables {
  environment            = "staging"
  subscription_id        = "11111111-2222-3333-4444-555555555555"
  cluster_name           = "main"
  cluster_resource_group = "platform"

  private_endpoint_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/endpoints"

  log_analytics_workspace_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/platform/providers/Microsoft.OperationalInsights/workspaces/logs"
  alert_emails               = ["on-call@example.com"]

  load_balancer_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/load-balancers"
  load_balancer_address   = "10.20.9.10"
  zone_resource_group     = "dns"
}

run "own_key" {
  command = apply

  variables {
    data_encryption = {
      key_id             = "https://shop.vault.azure.net/keys/data"
      identity_id        = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/keys/providers/Microsoft.ManagedIdentity/userAssignedIdentities/data-key"
      backup_key_id      = "https://shop-far.vault.azure.net/keys/data"
      backup_identity_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/keys/providers/Microsoft.ManagedIdentity/userAssignedIdentities/data-key-far"
    }
  }

  assert {
    condition     = one(azurerm_postgresql_flexible_server.primary.customer_managed_key).key_vault_key_id == var.data_encryption.key_id && contains(one(azurerm_postgresql_flexible_server.primary.identity).identity_ids, var.data_encryption.identity_id)
    error_message = "the key must be used, by the identity that may"
  }
}

# As if a server that has a key of its own should take Microsoft's.
run "refuses_to_change_the_key" {
  command = plan

  expect_failures = [azurerm_postgresql_flexible_server.primary]
}

run "refuses_a_key_by_version" {
  command = plan

  variables {
    data_encryption = {
      key_id             = "https://shop.vault.azure.net/keys/data/0123456789abcdef"
      identity_id        = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/keys/providers/Microsoft.ManagedIdentity/userAssignedIdentities/data-key"
      backup_key_id      = "https://shop-far.vault.azure.net/keys/data"
      backup_identity_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/keys/providers/Microsoft.ManagedIdentity/userAssignedIdentities/data-key-far"
    }
  }

  expect_failures = [var.data_encryption]
}
