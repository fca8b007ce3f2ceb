# Alerts that go off in time, each for the right server.

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

run "credits_where_there_are_some" {
  command = plan

  variables {
    environment = "dev"
  }

  assert {
    condition     = contains(keys(azurerm_monitor_metric_alert.database), "primary-cpu-credits") == local.settings.database.burstable
    error_message = "a server that lives on credits must say when they run out"
  }
}

run "each_server_is_watched" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition = alltrue([
      for key, alert in azurerm_monitor_metric_alert.database :
      startswith(alert.name, "ledgers-prod-database-") && one(alert.action).action_group_id == azurerm_monitor_action_group.alerts.id && alert.scopes == toset([local.database_server_ids[local.database_server_alerts[key].server]])
    ])
    error_message = "every alert must watch a server that exists, and reach people"
  }

  assert {
    condition     = alltrue(flatten([for server in keys(local.database_server_ids) : [for name in ["not-alive", "cpu", "storage", "connections"] : contains(keys(azurerm_monitor_metric_alert.database), "${server}-${name}")]]))
    error_message = "every server needs its alerts"
  }

  assert {
    condition     = contains(keys(azurerm_monitor_metric_alert.database), "primary-transaction-ids") && alltrue([for key in keys(azurerm_postgresql_flexible_server.replica) : contains(keys(azurerm_monitor_metric_alert.database), "${key}-lag")])
    error_message = "wraparound is the primary's, lag the replicas'"
  }

  assert {
    condition     = one(azurerm_monitor_metric_alert.database["primary-connections"].criteria).threshold < local.settings.database.max_connections
    error_message = "the alert must come before logins are refused"
  }

  assert {
    condition     = one(azurerm_monitor_metric_alert.database["primary-storage"].criteria).threshold < 95
    error_message = "the alert must come before the server takes no writes"
  }

  assert {
    condition     = alltrue([for key, alert in azurerm_monitor_metric_alert.database : one(alert.criteria).threshold > local.settings.database.max_replica_lag if endswith(key, "-lag")])
    error_message = "the service's own limit must come before the alert"
  }

  assert {
    condition     = toset(one(azurerm_monitor_activity_log_alert.database_health.criteria).resource_ids) == toset(values(local.database_server_ids)) && one(azurerm_monitor_activity_log_alert.database_health.action).action_group_id == azurerm_monitor_action_group.alerts.id
    error_message = "people must be told when Azure sees a server in trouble"
  }
}

run "logs" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition     = keys(azurerm_monitor_diagnostic_setting.database) == keys(local.database_server_ids) && alltrue([for setting in azurerm_monitor_diagnostic_setting.database : setting.log_analytics_workspace_id == var.log_analytics_workspace_id && contains(setting.enabled_log[*].category, "PostgreSQLLogs")])
    error_message = "the logs of every server must be kept"
  }

  assert {
    condition     = azurerm_monitor_diagnostic_setting.key_vault.target_resource_id == azurerm_key_vault.service.id && one(azurerm_monitor_diagnostic_setting.key_vault.enabled_log).category == "AuditEvent"
    error_message = "it must be known who read which secret"
  }
}
