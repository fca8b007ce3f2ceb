# Every input refuses what cannot work. Runs without an Azure subscription: terraform test

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

run "accepts_good_inputs" {
  command = plan

  assert {
    condition     = local.name == "ledgers-staging" && local.settings.namespace == "ledgers-staging" && local.resource_group_name == "rg-ledgers-staging"
    error_message = "names must carry service and environment"
  }

  assert {
    condition     = local.tags.Environment == "staging" && local.tags.Service == "ledgers" && local.tags.ManagedBy == "terraform"
    error_message = "tags must say service, environment and origin"
  }
}

run "refuses_unknown_environment" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}

run "refuses_placeholder_subscription" {
  command = plan

  variables {
    subscription_id = "00000000-0000-0000-0000-000000000000"
  }

  expect_failures = [var.subscription_id]
}

run "refuses_placeholder_cluster" {
  command = plan

  variables {
    cluster_name           = "replace-me"
    cluster_resource_group = "replace-me"
  }

  expect_failures = [var.cluster_name, var.cluster_resource_group]
}
