# What Azure itself sees, for each server. Pools, latency of statements and freshness of replicas as the
# service sees them are watched by the alerts in deploy/kubernetes/overlays (Prometheus); these still
# work when the cluster does not.
# Metrics: https://learn.microsoft.com/azure/postgresql/monitor/concepts-monitoring

locals {
  # Severity 1 wakes people, 2 waits for the morning.
  database_alerts = {
    not-alive = {
      metric      = "is_db_alive"
      aggregation = "Maximum" # not once in all of the window
      operator    = "LessThan"
      threshold   = 1
      window      = "PT5M"
      severity    = 1
      description = "The server has not answered for five minutes; a failover takes one or two."
    }
    cpu = {
      metric      = "cpu_percent"
      aggregation = "Average"
      operator    = "GreaterThan"
      threshold   = 80 # queries begin to wait for a core well before 100
      window      = "PT15M"
      severity    = 2
      description = "The processors are busy: find the statement in pg_stat_statements, or choose a larger database.size."
    }
    memory = {
      metric      = "memory_percent"
      aggregation = "Average"
      operator    = "GreaterThan"
      threshold   = 90
      window      = "PT15M"
      severity    = 2
      description = "Memory is used up: connections or work_mem take more than there is."
    }
    storage = {
      metric      = "storage_percent"
      aggregation = "Maximum"
      operator    = "GreaterThan"
      threshold   = 90 # it should have grown before; from 95 on the server takes no writes
      window      = "PT15M"
      severity    = 1
      description = "The disk is nearly full and did not grow by itself. From 95 percent on there are no writes."
    }
    connections = {
      metric      = "active_connections" # idle ones as well
      aggregation = "Maximum"
      operator    = "GreaterThan"
      threshold   = floor(0.8 * local.settings.database.max_connections)
      window      = "PT5M"
      severity    = 1
      description = "Four fifths of the connections are in use; above all of them, logins are refused."
    }
    connections-failed = {
      metric      = "connections_failed"
      aggregation = "Total"
      operator    = "GreaterThan"
      threshold   = 100 # a pod with a wrong password tries every few seconds
      window      = "PT15M"
      severity    = 2
      description = "Logins fail: a credential that was not rotated everywhere, or somebody who guesses."
    }
    disk = {
      metric      = "disk_iops_consumed_percentage"
      aggregation = "Average"
      operator    = "GreaterThan"
      threshold   = 90
      window      = "PT15M"
      severity    = 2
      description = "The disk does all the operations it can, and more wait. A larger disk does more."
    }
  }

  database_burstable_alerts = {
    cpu-credits = {
      metric      = "cpu_credits_remaining"
      aggregation = "Minimum"
      operator    = "LessThan"
      threshold   = 58 # a tenth of what B2s can save up (576); without any it runs at a fraction of its cores
      window      = "PT15M"
      severity    = 2
      description = "CPU credits are nearly used up: the server does more than it is sized for."
    }
  }

  database_primary_alerts = {
    transaction-ids = {
      metric      = "maximum_used_transactionIDs"
      aggregation = "Maximum"
      operator    = "GreaterThan"
      threshold   = 1000000000 # half of what there are; vacuum should have begun at 200 million
      window      = "PT15M"
      severity    = 1
      description = "Vacuum does not get to freeze old rows. With no transaction IDs left the database takes no writes."
    }
    old-transaction = {
      metric      = "longest_transaction_time_sec"
      aggregation = "Maximum"
      operator    = "GreaterThan"
      threshold   = 14400 # 4 h: longer than a logical backup, shorter than what bloat takes to hurt
      window      = "PT15M"
      severity    = 2
      description = "A transaction is open for hours, and vacuum cleans up nothing that is younger."
    }
  }

  # Azure counts from the last transaction that was replayed, so without writes it counts up to some
  # minutes although nothing is missing; the service measures better and stops reading far earlier.
  # https://learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas#monitor-replication
  database_replica_alerts = {
    lag = {
      metric      = "physical_replication_delay_in_seconds"
      aggregation = "Minimum"
      operator    = "GreaterThan"
      threshold   = max(6 * local.settings.database.max_replica_lag, 600)
      window      = "PT15M"
      severity    = 2
      description = "A read replica is far behind, and the primary serves its reads."
    }
  }

  # One entry an alert of a server: <server>-<alert>.
  database_server_alerts = merge([
    for key in concat(["primary"], keys(local.database_replicas)) : {
      for name, alert in merge(
        local.database_alerts,
        local.settings.database.burstable ? local.database_burstable_alerts : {},
        key == "primary" ? local.database_primary_alerts : local.database_replica_alerts,
      ) : "${key}-${name}" => merge(alert, { server = key })
    }
  ]...)
}

resource "azurerm_monitor_metric_alert" "database" {
  for_each = local.database_server_alerts

  name                = "${local.name}-database-${each.key}"
  description         = each.value.description
  resource_group_name = local.resource_group_name
  tags                = local.tags

  scopes      = [local.database_server_ids[each.value.server]]
  severity    = each.value.severity
  frequency   = "PT1M"
  window_size = each.value.window

  criteria {
    metric_namespace = "Microsoft.DBforPostgreSQL/flexibleServers"
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = each.value.operator
    threshold        = each.value.threshold
  }

  action {
    action_group_id = azurerm_monitor_action_group.alerts.id
  }
}

# What no metric says: that the standby could not take over, or that Azure sees the server in trouble.
# https://learn.microsoft.com/azure/postgresql/high-availability/how-to-monitor-high-availability
resource "azurerm_monitor_activity_log_alert" "database_health" {
  name                = "${local.name}-database-health"
  description         = "Azure says that a server of the database, or its standby, is not well."
  resource_group_name = local.resource_group_name
  location            = "global"
  tags                = local.tags
  scopes              = [data.azurerm_resource_group.service.id]

  criteria {
    category     = "ResourceHealth"
    resource_ids = values(local.database_server_ids)

    resource_health {
      current = ["Degraded", "Unavailable"]
      reason  = ["PlatformInitiated", "Unknown"] # not what somebody did on purpose
    }
  }

  action {
    action_group_id = azurerm_monitor_action_group.alerts.id
  }
}

# Logs of the servers, and of who read or wrote which secret. Metrics are in Azure Monitor anyway; a
# copy in the workspace would be paid for.
resource "azurerm_monitor_diagnostic_setting" "database" {
  for_each = local.database_server_ids

  name                       = "to-log-analytics"
  target_resource_id         = each.value
  log_analytics_workspace_id = var.log_analytics_workspace_id

  dynamic "enabled_log" {
    for_each = concat(["PostgreSQLLogs"], local.settings.database.pooler ? ["PostgreSQLFlexPGBouncer"] : [])

    content {
      category = enabled_log.value
    }
  }
}

resource "azurerm_monitor_diagnostic_setting" "key_vault" {
  name                       = "to-log-analytics"
  target_resource_id         = azurerm_key_vault.service.id
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category = "AuditEvent"
  }
}
