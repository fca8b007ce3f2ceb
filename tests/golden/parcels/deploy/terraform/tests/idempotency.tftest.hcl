# What was done is remembered, safely, and only the pods can read it.

mock_provider "azurerm" {
  source = "./tests/azure"
}

variables {
  environment            = "staging"
  subscription_id        = "11111111-2222-3333-4444-555555555555"
  cluster_name           = "main"
  cluster_resource_group = "platform"

  log_analytics_workspace_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/platform/providers/Microsoft.OperationalInsights/workspaces/logs"
  alert_emails               = ["on-call@example.com"]

  load_balancer_subnet_id               = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/load-balancers"
  load_balancer_controller_principal_id = "44444444-5555-6666-7777-888888888888"
  zone_resource_group                   = "dns"
}

run "table" {
  command = apply

  assert {
    condition     = can(regex("^[a-z0-9]{3,24}$", azurerm_storage_account.idempotency.name))
    error_message = "the name must be 3 to 24 small letters and digits"
  }

  assert {
    condition     = !azurerm_storage_account.idempotency.shared_access_key_enabled && !azurerm_storage_account.idempotency.local_user_enabled && !azurerm_storage_account.idempotency.allow_nested_items_to_be_public
    error_message = "nobody may get in with a key, or without any"
  }

  assert {
    condition     = azurerm_storage_account.idempotency.https_traffic_only_enabled && azurerm_storage_account.idempotency.min_tls_version == "TLS1_2"
    error_message = "nobody may get in without TLS 1.2"
  }

  assert {
    condition     = azurerm_role_assignment.idempotency.scope == azurerm_storage_table.idempotency.resource_manager_id && azurerm_role_assignment.idempotency.role_definition_name == "Storage Table Data Contributor" && azurerm_role_assignment.idempotency.principal_id == azurerm_user_assigned_identity.worker.principal_id
    error_message = "the pods must read and write this table, and nothing else"
  }

  assert {
    condition     = output.kubernetes.idempotency_endpoint == "https://stidempotency.table.core.windows.net/idempotency"
    error_message = "the pods must be told where the table is"
  }
}

run "private_endpoint" {
  command = apply

  variables {
    private_endpoint_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/endpoints"
  }

  assert {
    condition     = !azurerm_storage_account.idempotency.public_network_access_enabled && one(azurerm_storage_account.idempotency.network_rules).default_action == "Deny"
    error_message = "with a private endpoint the public way must be closed"
  }

  assert {
    condition     = one(one(azurerm_private_endpoint.idempotency).private_service_connection).subresource_names == tolist(["table"])
    error_message = "the endpoint must lead to the tables of the account"
  }
}

run "refuses_a_zone_of_another_service" {
  command = plan

  variables {
    table_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
  }

  expect_failures = [var.table_private_dns_zone_id]
}
