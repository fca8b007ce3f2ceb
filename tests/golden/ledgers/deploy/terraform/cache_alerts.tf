# What Managed Redis itself sees. Hit rate and errors as the service sees them are watched by the alerts
# in deploy/kubernetes/overlays (Prometheus).
# Metrics: https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-cache-redisenterprise-metrics

locals {
  # A cache wakes nobody: the service goes on without it.
  cache_alerts = {
    cpu = {
      metric      = "percentProcessorTime"
      aggregation = "Average"
      threshold   = 80 # percent; TLS, the proxy and maintenance run beside the commands
      window      = "PT15M"
      description = "The processors of the cache are busy, and everybody waits for them: choose a larger cache.size."
    }
    load = {
      metric      = "serverLoad"
      aggregation = "Average"
      threshold   = 90
      window      = "PT15M"
      description = "The cache hardly ever waits for work: find what asks so much, or choose a larger cache.size."
    }
    memory = {
      metric      = "usedmemorypercentage"
      aggregation = "Minimum" # all of an hour, because a full cache evicts
      threshold   = 95
      window      = "PT1H"
      description = "The cache has been full for an hour: compare cache.working_set with what it holds."
    }
    evictions = {
      metric      = "evictedkeys" # a second
      aggregation = "Average"
      threshold   = 16 # a thousand a minute: a thousand more queries of the database
      window      = "PT15M"
      description = "The cache throws out entries that would soon be asked for: choose a larger cache.size."
    }
  }
}

resource "azurerm_monitor_metric_alert" "cache" {
  for_each = local.cache_alerts

  name                = "${local.name}-cache-${each.key}"
  description         = each.value.description
  resource_group_name = local.resource_group_name
  tags                = local.tags

  scopes      = [azurerm_managed_redis.cache.id]
  severity    = 2
  frequency   = "PT5M"
  window_size = each.value.window

  criteria {
    metric_namespace = "Microsoft.Cache/redisEnterprise"
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = "GreaterThan"
    threshold        = each.value.threshold
  }

  action {
    action_group_id = azurerm_monitor_action_group.alerts.id
  }
}

# There is no metric that says whether it is up.
resource "azurerm_monitor_activity_log_alert" "cache_health" {
  name                = "${local.name}-cache-health"
  description         = "Azure says that the cache is not well. The service goes on, slower."
  resource_group_name = local.resource_group_name
  location            = "global"
  tags                = local.tags
  scopes              = [data.azurerm_resource_group.service.id]

  criteria {
    category     = "ResourceHealth"
    resource_ids = [azurerm_managed_redis.cache.id]

    resource_health {
      current = ["Degraded", "Unavailable"]
      reason  = ["PlatformInitiated", "Unknown"] # not what somebody did on purpose
    }
  }

  action {
    action_group_id = azurerm_monitor_action_group.alerts.id
  }
}
