# Tasks wait in one queue; those that could not be done wait in its dead-letter queue, which Service
# Bus keeps inside it, until somebody has looked (docs/runbook.md). The numbers are those of sm.yaml.

resource "azurerm_servicebus_namespace" "tasks" {
  #checkov:skip=CKV_AZURE_199: a second layer of encryption comes with a key of your own, which the premium tier takes (queue_encryption)
  #checkov:skip=CKV_AZURE_201: Microsoft's key encrypts unless queue_encryption names one of your own, which the premium tier takes
  #checkov:skip=CKV_AZURE_202: the namespace calls nothing; it has an identity only when it needs one for a key of your own
  #checkov:skip=CKV_AZURE_204: the standard tier has public addresses only, and identities alone get in; a private endpoint turns this off

  # Its name is a host name and so unique in all of Azure; 50 characters at most.
  name                = "${trim(substr("sb-${local.name}", 0, 43), "-")}-${local.unique_suffix}"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags

  # Spread over zones by itself where tier and region have that; there is nothing to set.
  # https://learn.microsoft.com/azure/reliability/reliability-service-bus
  sku                          = local.is_premium_queue ? "Premium" : "Standard"
  capacity                     = local.is_premium_queue ? var.queue_messaging_units : 0
  premium_messaging_partitions = local.is_premium_queue ? 1 : 0

  # Nobody gets in with a key: it takes an identity of Entra ID, and a role.
  local_auth_enabled            = false
  minimum_tls_version           = "1.2"
  public_network_access_enabled = !local.is_private_queue

  dynamic "identity" {
    for_each = var.queue_encryption[*]

    content {
      type         = "UserAssigned"
      identity_ids = [identity.value.identity_id]
    }
  }

  dynamic "customer_managed_key" {
    for_each = var.queue_encryption[*]

    content {
      key_vault_key_id                  = customer_managed_key.value.key_id
      identity_id                       = customer_managed_key.value.identity_id
      infrastructure_encryption_enabled = true # can only be chosen at the beginning
    }
  }
}

resource "azurerm_servicebus_queue" "tasks" {
  name         = local.service
  namespace_id = azurerm_servicebus_namespace.tasks.id

  lock_duration         = local.durations.lock
  default_message_ttl   = local.durations.retention
  max_size_in_megabytes = 5120 # the most that the standard tier takes; only messages are paid for

  # Within a session one task after the other; sessions are independent of each other.
  requires_session = local.settings.queue.ordered

  # A producer that sends again because an answer was lost makes no second task: for this long,
  # Service Bus drops a message whose ID it has seen.
  requires_duplicate_detection            = true
  duplicate_detection_history_time_window = local.durations.duplicates

  # A task that expires is a dead letter, where somebody sees it. Dead letters do not expire.
  dead_lettering_on_message_expiration = true

  # The worker counts attempts itself and says why it gave up. This is the net below it: for what
  # ends the process before it can say anything. Far above the attempts, because deliveries that a
  # crash or a deployment cut short count as well.
  max_delivery_count = min(2 * local.settings.queue.max_attempts + 10, 2000)
}

locals {
  is_premium_queue = local.settings.queue.tier == "premium"
  is_private_queue = local.is_premium_queue && var.private_endpoint_subnet_id != null

  durations_in_seconds = {
    lock       = local.settings.queue.visibility_timeout
    retention  = local.settings.queue.retention
    duplicates = 600 # the usual window; a longer one costs throughput
  }

  # ISO 8601 as Azure writes it (P4D, PT1M30S): any other spelling would be a change in every plan.
  durations = {
    for name, seconds in local.durations_in_seconds : name => join("", compact([
      "P",
      seconds >= 86400 ? "${floor(seconds / 86400)}D" : "",
      seconds % 86400 > 0 ? "T" : "",
      seconds % 86400 >= 3600 ? "${floor(seconds % 86400 / 3600)}H" : "",
      seconds % 3600 >= 60 ? "${floor(seconds % 3600 / 60)}M" : "",
      seconds % 60 > 0 ? "${seconds % 60}S" : "",
    ]))
  }
}
