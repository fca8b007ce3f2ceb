# Where alerts go. A pager or a chat is one more receiver.
resource "azurerm_monitor_action_group" "alerts" {
  name                = "ag-${local.name}"
  short_name          = trim(substr(local.service, 0, 12), "-") # at most 12; the sender's name in a text message
  resource_group_name = local.resource_group_name
  tags                = local.tags

  dynamic "email_receiver" {
    for_each = toset(var.alert_emails)

    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

output "alert_action_group_id" {
  description = "Action group of the alerts."
  value       = azurerm_monitor_action_group.alerts.id
}
