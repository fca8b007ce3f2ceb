# Alerts reach people.

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

run "every_address_is_told" {
  command = plan

  variables {
    alert_emails = ["on-call@example.com", "team@example.com"]
  }

  assert {
    condition     = toset(azurerm_monitor_action_group.alerts.email_receiver[*].email_address) == toset(["on-call@example.com", "team@example.com"])
    error_message = "each address must get a mail"
  }

  assert {
    condition     = can(regex("^[a-z0-9-]{1,12}$", azurerm_monitor_action_group.alerts.short_name))
    error_message = "Azure Monitor takes 12 characters"
  }
}

run "refuses_placeholder_address" {
  command = plan

  variables {
    alert_emails = ["replace-me@example.com"]
  }

  expect_failures = [var.alert_emails]
}

run "refuses_placeholder_workspace" {
  command = plan

  variables {
    log_analytics_workspace_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/platform/providers/Microsoft.OperationalInsights/workspaces/replace-me"
  }

  expect_failures = [var.log_analytics_workspace_id]
}
