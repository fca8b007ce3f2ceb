# The way in: one private address, and the name that leads there.

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

run "host_name_leads_to_the_private_address" {
  command = apply

  assert {
    condition     = "${azurerm_private_dns_a_record.service.name}.${var.zone_name}" == local.settings.hostname && azurerm_private_dns_a_record.service.records == toset([var.load_balancer_address])
    error_message = "the record must be the host name and lead to the load balancer"
  }

  assert {
    condition     = azurerm_private_dns_a_record.service.private_dns_zone_id == data.azurerm_private_dns_zone.internal.id
    error_message = "the record must be in the zone that the network asks"
  }

  assert {
    condition     = output.kubernetes.load_balancer_address == "10.20.9.10" && output.kubernetes.load_balancer_subnet == "load-balancers"
    error_message = "the Gateway must be told its address and its subnet"
  }

  assert {
    condition     = data.azurerm_subnet.load_balancer.virtual_network_name == "main" && data.azurerm_subnet.load_balancer.resource_group_name == "network"
    error_message = "the subnet must be the one that its ID names"
  }
}

run "refuses_an_address_of_another_subnet" {
  command = plan

  variables {
    load_balancer_address = "10.20.10.10"
  }

  expect_failures = [data.azurerm_subnet.load_balancer]
}

run "refuses_a_public_address" {
  command = plan

  variables {
    load_balancer_address = "20.50.1.10"
  }

  expect_failures = [var.load_balancer_address]
}

run "refuses_a_zone_that_is_no_parent_of_the_host_name" {
  command = plan

  variables {
    zone_name = "elsewhere.test"
  }

  expect_failures = [var.zone_name]
}

run "refuses_placeholders" {
  command = plan

  variables {
    load_balancer_subnet_id = "subnet"
    load_balancer_address   = "192.0.2.10"
    zone_resource_group     = "replace-me"
  }

  expect_failures = [var.load_balancer_subnet_id, var.load_balancer_address, var.zone_resource_group]
}
