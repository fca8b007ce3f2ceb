# The queue and its dead letters.

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

run "failures_are_set_aside" {
  command = plan

  assert {
    condition     = azurerm_servicebus_queue.tasks.max_delivery_count > local.settings.queue.max_attempts
    error_message = "Service Bus must not set a task aside while the worker still tries"
  }

  assert {
    condition     = azurerm_servicebus_queue.tasks.dead_lettering_on_message_expiration
    error_message = "a task that expires must not vanish"
  }

  assert {
    condition     = azurerm_servicebus_queue.tasks.requires_session == local.settings.queue.ordered && azurerm_servicebus_queue.tasks.requires_duplicate_detection
    error_message = "order takes sessions, and a message that was sent twice must arrive once"
  }
}

run "durations_as_azure_writes_them" {
  command = plan

  assert {
    condition     = alltrue([for duration in local.durations : can(regex("^P([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$", duration)) && !endswith(duration, "T") && duration != "P"])
    error_message = "durations must be ISO 8601"
  }

  assert {
    condition = alltrue([
      for name, duration in local.durations : local.durations_in_seconds[name] == sum(concat([0], [
        for part in regexall("([0-9]+)([DHMS])", duration) : tonumber(part[0]) * { D = 86400, H = 3600, M = 60, S = 1 }[part[1]]
      ]))
    ])
    error_message = "durations must be those of sm.yaml"
  }

  assert {
    condition     = local.durations_in_seconds.lock <= 300
    error_message = "Service Bus locks a message for five minutes at most"
  }
}

run "namespace" {
  command = plan

  assert {
    condition     = !azurerm_servicebus_namespace.tasks.local_auth_enabled && azurerm_servicebus_namespace.tasks.minimum_tls_version == "1.2"
    error_message = "nobody may get in with a key, or without TLS 1.2"
  }

  assert {
    condition     = can(regex("^sb-[a-z0-9-]{1,40}-[0-9a-f]{6}$", azurerm_servicebus_namespace.tasks.name)) && length(azurerm_servicebus_namespace.tasks.name) <= 50
    error_message = "the name must be a host name of at most 50 characters"
  }

  assert {
    condition     = output.kubernetes.queue_namespace == "${azurerm_servicebus_namespace.tasks.name}.servicebus.windows.net"
    error_message = "the pods must be told where the queue is"
  }
}

run "alerts" {
  command = apply

  assert {
    condition = alltrue([
      for alert in azurerm_monitor_metric_alert.queue :
      one(alert.action).action_group_id == azurerm_monitor_action_group.alerts.id && alert.scopes == toset([azurerm_servicebus_namespace.tasks.id]) && one(one(alert.criteria).dimension).values == tolist(["parcels"])
    ])
    error_message = "every alert must watch this queue and reach people"
  }

  assert {
    condition     = one(azurerm_monitor_metric_alert.queue["dead-letters"].criteria).threshold == 0
    error_message = "the first dead letter must be reported"
  }

  assert {
    condition     = one(azurerm_monitor_metric_alert.queue["size"].criteria).threshold < azurerm_servicebus_queue.tasks.max_size_in_megabytes * 1048576
    error_message = "the alert must come before the queue is full"
  }

  assert {
    condition     = azurerm_monitor_diagnostic_setting.queue.log_analytics_workspace_id == var.log_analytics_workspace_id && contains(azurerm_monitor_diagnostic_setting.queue.enabled_log[*].category, "OperationalLogs")
    error_message = "it must be known who changed the queue"
  }
}
