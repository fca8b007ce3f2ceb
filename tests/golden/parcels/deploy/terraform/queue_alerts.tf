# What Service Bus itself sees. Backlog, retries and dead letters by task are watched by the alerts in
# deploy/kubernetes/overlays (Prometheus); these still work when the cluster does not.
# Metrics: https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-servicebus-namespaces-metrics

locals {
  # Severity 1 wakes people, 2 waits for the morning.
  queue_alerts = {
    dead-letters = {
      description = "Tasks were given up and wait for somebody to look at them."
      severity    = 2
      metric      = "DeadletteredMessages"
      aggregation = "Maximum"
      threshold   = 0
      window      = "PT5M"
    }
    backlog = {
      # Service Bus does not say how old a message is, and with few of them this stays silent also when
      # all workers are down: that is what NoConsumers is for, and it needs the cluster.
      description = "Even all pods together need more than five times the latency goal for what waits."
      severity    = 1
      metric      = "ActiveMessages"
      aggregation = "Minimum" # all of the window, not one wave
      threshold   = 5 * local.settings.queue.max_replicas * local.settings.queue.messages_a_replica
      window      = "PT15M"
    }
    size = {
      description = "The queue is 80 % full; producers are refused when it is full."
      severity    = 1
      metric      = "Size"
      aggregation = "Maximum"
      threshold   = 0.8 * azurerm_servicebus_queue.tasks.max_size_in_megabytes * 1048576
      window      = "PT15M"
    }
    throttled = {
      description = "Service Bus slows the service down: the namespace needs the premium tier, or more messaging units."
      severity    = 2
      metric      = "ThrottledRequests"
      aggregation = "Total"
      threshold   = 100 # a short burst is retried by the SDK and nobody notices
      window      = "PT15M"
    }
    server-errors = {
      description = "Service Bus fails, and not because of what it was asked."
      severity    = 2
      metric      = "ServerErrors"
      aggregation = "Total"
      threshold   = 10 # single ones are retried by the SDK
      window      = "PT15M"
    }
  }
}

resource "azurerm_monitor_metric_alert" "queue" {
  for_each = local.queue_alerts

  name                = "${local.name}-${each.key}"
  description         = each.value.description
  resource_group_name = local.resource_group_name
  tags                = local.tags

  scopes      = [azurerm_servicebus_namespace.tasks.id]
  severity    = each.value.severity
  frequency   = "PT1M"
  window_size = each.value.window

  criteria {
    metric_namespace = "Microsoft.ServiceBus/namespaces"
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = "GreaterThan"
    threshold        = each.value.threshold

    dimension {
      name     = "EntityName"
      operator = "Include"
      values   = [azurerm_servicebus_queue.tasks.name]
    }
  }

  action {
    action_group_id = azurerm_monitor_action_group.alerts.id
  }
}

# Who changed what. Metrics are in Azure Monitor anyway; a copy in the workspace would be paid for.
resource "azurerm_monitor_diagnostic_setting" "queue" {
  name                       = "to-log-analytics"
  target_resource_id         = azurerm_servicebus_namespace.tasks.id
  log_analytics_workspace_id = var.log_analytics_workspace_id

  dynamic "enabled_log" {
    # The premium tier also says who sent and received, and who was kept out by the firewall.
    for_each = concat(["OperationalLogs"], local.is_premium_queue ? ["RuntimeAuditLogs", "VNetAndIPFilteringLogs"] : [])

    content {
      category = enabled_log.value
    }
  }
}
