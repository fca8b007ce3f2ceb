# Who may send and take tasks.

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

run "only_the_pods" {
  command = apply

  assert {
    condition = {
      for assignment in azurerm_role_assignment.queue : assignment.role_definition_name => [assignment.scope, assignment.principal_id]
      } == {
      for role in ["Azure Service Bus Data Receiver", "Azure Service Bus Data Sender"] : role => [azurerm_servicebus_queue.tasks.id, azurerm_user_assigned_identity.worker.principal_id]
    }
    error_message = "the pods must send and receive on this queue, and nothing else"
  }

  assert {
    condition     = length(azurerm_role_assignment.producers) == 0
    error_message = "nobody else may send unless he is named"
  }
}

run "producers_only_send" {
  command = apply

  variables {
    producer_principal_ids = ["44444444-5555-6666-7777-888888888888"]
  }

  assert {
    condition     = [for assignment in azurerm_role_assignment.producers : [assignment.role_definition_name, assignment.scope, assignment.principal_id]] == [["Azure Service Bus Data Sender", azurerm_servicebus_queue.tasks.id, "44444444-5555-6666-7777-888888888888"]]
    error_message = "a producer must send to this queue, and nothing else"
  }
}

run "private_endpoint" {
  command = apply

  variables {
    private_endpoint_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/endpoints"
    queue_private_dns_zone_id  = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.servicebus.windows.net"
  }

  # The standard tier has none, and closing the public way would leave no way at all.
  assert {
    condition     = length(azurerm_private_endpoint.queue) == (local.settings.queue.tier == "premium" ? 1 : 0) && azurerm_servicebus_namespace.tasks.public_network_access_enabled == (local.settings.queue.tier != "premium")
    error_message = "with a private endpoint the public way must be closed, and only then"
  }

  assert {
    condition     = alltrue([for endpoint in azurerm_private_endpoint.queue : one(endpoint.private_service_connection).subresource_names == tolist(["namespace"]) && one(endpoint.private_dns_zone_group).private_dns_zone_ids == tolist([var.queue_private_dns_zone_id])])
    error_message = "the endpoint must lead to the namespace, under its public name"
  }
}

run "refuses_an_own_key_in_the_standard_tier" {
  command = plan

  variables {
    queue_encryption = {
      key_id      = "https://shop.vault.azure.net/keys/queue"
      identity_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/keys/providers/Microsoft.ManagedIdentity/userAssignedIdentities/queue-key"
    }
  }

  expect_failures = [var.queue_encryption]
}

run "refuses_messaging_units_that_are_not_sold" {
  command = plan

  variables {
    queue_messaging_units = 3
  }

  expect_failures = [var.queue_messaging_units]
}

run "refuses_a_producer_by_name" {
  command = plan

  variables {
    producer_principal_ids = ["billing"]
  }

  expect_failures = [var.producer_principal_ids]
}
