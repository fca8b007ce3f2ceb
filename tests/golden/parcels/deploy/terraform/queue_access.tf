# Who may send tasks and who may take them: roles on this one queue, never on the namespace.
# https://learn.microsoft.com/azure/service-bus-messaging/service-bus-managed-service-identity

# The pods of the worker: it takes tasks and dead letters, sends tasks that follow from others, and
# schedules retries. That is all in these two roles; Data Owner could remove the queue as well.
resource "azurerm_role_assignment" "queue" {
  for_each = toset(["Azure Service Bus Data Receiver", "Azure Service Bus Data Sender"])

  scope                = azurerm_servicebus_queue.tasks.id
  role_definition_name = each.value
  principal_id         = azurerm_user_assigned_identity.worker.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "producers" {
  for_each = toset(var.producer_principal_ids)

  scope                = azurerm_servicebus_queue.tasks.id
  role_definition_name = "Azure Service Bus Data Sender"
  principal_id         = each.value
  principal_type       = "ServicePrincipal"
}

# With it the namespace has no public address any more. Premium tier only.
resource "azurerm_private_endpoint" "queue" {
  count = local.is_private_queue ? 1 : 0

  name                = "pe-${local.name}-queue"
  resource_group_name = local.resource_group_name
  location            = local.location
  subnet_id           = var.private_endpoint_subnet_id
  tags                = local.tags

  private_service_connection {
    name                           = "queue"
    private_connection_resource_id = azurerm_servicebus_namespace.tasks.id
    subresource_names              = ["namespace"]
    is_manual_connection           = false
  }

  # Pods must find the private address by the public name. Where a policy of your landing zone sees
  # to that, it needs nothing here.
  dynamic "private_dns_zone_group" {
    for_each = var.queue_private_dns_zone_id[*]

    content {
      name                 = "default"
      private_dns_zone_ids = [private_dns_zone_group.value]
    }
  }

  lifecycle {
    # The policy of a landing zone would be undone at every apply.
    ignore_changes = [private_dns_zone_group]
  }
}
