# The way in: one address, behind the firewall, and a controller that can do no more than it must.

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

run "host_name_leads_to_the_load_balancer" {
  command = apply

  assert {
    condition     = "${azurerm_dns_cname_record.service.name}.${azurerm_dns_cname_record.service.zone_name}" == local.settings.hostname && azurerm_dns_cname_record.service.record == azurerm_application_load_balancer_frontend.service.fully_qualified_domain_name
    error_message = "the record must be the host name and lead to the frontend"
  }

  assert {
    condition     = output.kubernetes.load_balancer_cidr == "10.20.8.0/24"
    error_message = "the network policy must admit the subnet of the load balancer and nothing else"
  }

  assert {
    condition     = data.azurerm_subnet.load_balancer.name == "load-balancers" && data.azurerm_subnet.load_balancer.virtual_network_name == "main" && data.azurerm_subnet.load_balancer.resource_group_name == "network"
    error_message = "the subnet must be the one that its ID names"
  }
}

run "firewall_blocks" {
  command = apply

  assert {
    condition     = one(azurerm_web_application_firewall_policy.service.policy_settings).enabled && one(azurerm_web_application_firewall_policy.service.policy_settings).mode == "Prevention"
    error_message = "a firewall that only watches protects nobody"
  }

  assert {
    condition     = azurerm_monitor_diagnostic_setting.load_balancer.log_analytics_workspace_id == var.log_analytics_workspace_id && contains(azurerm_monitor_diagnostic_setting.load_balancer.enabled_log[*].category, "TrafficControllerFirewallLog")
    error_message = "it must be known what the firewall found"
  }

  assert {
    condition     = output.kubernetes.firewall_policy_id == azurerm_web_application_firewall_policy.service.id
    error_message = "the Gateway must be told about the firewall"
  }

  assert {
    condition     = toset([azurerm_role_assignment.load_balancer_controller.scope, azurerm_role_assignment.firewall_controller.scope]) == toset([azurerm_application_load_balancer.service.id, azurerm_web_application_firewall_policy.service.id])
    error_message = "the controller must get rights on these two resources and nothing more"
  }
}

run "being_down_wakes_somebody" {
  command = apply

  assert {
    condition     = azurerm_monitor_metric_alert.no_healthy_targets.severity == 1 && one(azurerm_monitor_metric_alert.no_healthy_targets.action).action_group_id == azurerm_monitor_action_group.alerts.id
    error_message = "no healthy pod at all is an emergency"
  }

  assert {
    condition     = one(one(azurerm_monitor_metric_alert.server_errors.criteria).dimension).values == tolist(["5"])
    error_message = "only answers that are the service's fault count"
  }
}

run "refuses_a_subnet_of_several_networks" {
  command = plan

  override_data {
    target = data.azurerm_subnet.load_balancer
    values = {
      address_prefixes = ["10.20.8.0/24", "10.20.9.0/24"]
    }
  }

  expect_failures = [data.azurerm_subnet.load_balancer]
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
    load_balancer_subnet_id               = "subnet"
    load_balancer_controller_principal_id = "00000000-0000-0000-0000-000000000000"
    zone_resource_group                   = "replace-me"
  }

  expect_failures = [var.load_balancer_subnet_id, var.load_balancer_controller_principal_id, var.zone_resource_group]
}
