# What only the load balancer can see: the service down as a whole. The objectives themselves are
# watched by the burn-rate alerts in deploy/kubernetes/overlays (Prometheus); these still work when the
# cluster does not. Azure Monitor divides no metric by another, so these count.
# Metrics: https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-servicenetworking-trafficcontrollers-metrics

resource "azurerm_monitor_metric_alert" "no_healthy_targets" {
  name                = "${local.name}-no-healthy-targets"
  description         = "The load balancer has no healthy pod to send requests to: the service is down."
  resource_group_name = local.resource_group_name
  scopes              = [azurerm_application_load_balancer.service.id]
  tags                = local.tags

  severity    = 1
  frequency   = "PT1M"
  window_size = "PT5M" # a single lost sample wakes nobody

  criteria {
    metric_namespace = "Microsoft.ServiceNetworking/trafficControllers"
    metric_name      = "BackendHealthyTargets"
    aggregation      = "Maximum"
    operator         = "LessThan"
    threshold        = 1
  }

  action {
    action_group_id = azurerm_monitor_action_group.alerts.id
  }
}

resource "azurerm_monitor_metric_alert" "server_errors" {
  name                = "${local.name}-server-errors"
  description         = "Many requests are answered with a 5xx, by the pods or by the load balancer."
  resource_group_name = local.resource_group_name
  scopes              = [azurerm_application_load_balancer.service.id]
  tags                = local.tags

  severity    = 1
  frequency   = "PT1M"
  window_size = "PT5M"

  criteria {
    metric_namespace = "Microsoft.ServiceNetworking/trafficControllers"
    metric_name      = "HTTPResponseStatus"
    aggregation      = "Total"
    operator         = "GreaterThan"
    threshold        = 100 # one in three seconds; single failures are the burn-rate alerts' matter

    dimension {
      name     = "HttpResponseCode"
      operator = "StartsWith"
      values   = ["5"]
    }
  }

  action {
    action_group_id = azurerm_monitor_action_group.alerts.id
  }
}
