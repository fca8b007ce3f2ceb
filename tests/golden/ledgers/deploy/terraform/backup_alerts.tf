# A backup that was not made, seen from where it should have arrived: this still works when the cluster,
# or its CronJob, does not.

resource "azurerm_monitor_diagnostic_setting" "backup" {
  name                       = "to-log-analytics"
  target_resource_id         = "${azurerm_storage_account.backup.id}/blobServices/default"
  log_analytics_workspace_id = var.log_analytics_workspace_id

  dynamic "enabled_log" {
    for_each = ["StorageDelete", "StorageRead", "StorageWrite"] # some hundred lines a day

    content {
      category = enabled_log.value
    }
  }
}

# A metric says nothing while nothing happens, so this one counts lines of the log: manifests, which a
# backup writes last, and neither dumps that failed half-way nor reports of drills. Azure Monitor looks
# back two days at most; where backups are made less often, the alerts of Prometheus alone watch them.
resource "azurerm_monitor_scheduled_query_rules_alert_v2" "no_backup" {
  count = local.settings.backup.interval <= 24 ? 1 : 0

  name                = "${local.name}-no-backup"
  description         = "No logical backup has arrived for twice the time between two of them."
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags

  scopes               = [var.log_analytics_workspace_id]
  severity             = 1
  evaluation_frequency = "PT1H"
  window_duration      = local.settings.backup.interval <= 12 ? "P1D" : "P2D"

  # The table is made with its first line.
  skip_query_validation = true

  criteria {
    operator                = "LessThan"
    threshold               = 1
    time_aggregation_method = "Count"

    query = <<-QUERY
      StorageBlobLogs
      | where AccountName == "${azurerm_storage_account.backup.name}"
      | where OperationName in ("PutBlob", "PutBlockList") and StatusText == "Success"
      | where ObjectKey contains "/manifest.json"
    QUERY
  }

  action {
    action_groups = [azurerm_monitor_action_group.alerts.id]
  }

  depends_on = [azurerm_monitor_diagnostic_setting.backup]
}
