# Azure Managed Redis, with a copy that takes over where cache.replicas says so. Nothing here is the
# only copy of anything, and the service does without it when it is away.

resource "azurerm_managed_redis" "cache" {
  # A host name, so unique in its region: 60 characters at most.
  name                = "${trim(substr("redis-${local.name}", 0, 50), "-")}-${local.unique_suffix}"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags

  sku_name = local.settings.cache.sku

  # Two nodes in two zones, where the region has zones; without it there is no SLA.
  high_availability_enabled = local.settings.cache.replicas > 0

  public_network_access = "Disabled"

  default_database {
    client_protocol = "Encrypted"

    # Nobody gets in with a key: it takes an identity of Entra ID, and an access policy.
    access_keys_authentication_enabled = false

    # One address for all shards, so that any client will do. Its proxy is the limit of throughput,
    # far above what a cache beside a database has to do.
    # https://learn.microsoft.com/azure/redis/architecture#cluster-policies
    clustering_policy = "EnterpriseCluster"

    # Full is its normal state: what was used least recently goes, whether or not it would expire. The
    # default throws out only what expires, and refuses writes when that is not enough.
    eviction_policy = "AllKeysLRU"
  }
}

# The pods: all commands that Managed Redis lets anybody run, which leaves out those that change the
# server. A narrower policy than `default` is not to be had.
# https://learn.microsoft.com/azure/redis/entra-for-authentication
resource "azurerm_managed_redis_access_policy_assignment" "workload" {
  managed_redis_id = azurerm_managed_redis.cache.id
  object_id        = azurerm_user_assigned_identity.workload.principal_id
}

resource "azurerm_private_endpoint" "cache" {
  name                = "${trim(substr("pe-${local.name}", 0, 45), "-")}-cache"
  resource_group_name = local.resource_group_name
  location            = local.location
  subnet_id           = var.private_endpoint_subnet_id
  tags                = local.tags

  private_service_connection {
    name                           = "cache"
    private_connection_resource_id = azurerm_managed_redis.cache.id
    subresource_names              = ["redisEnterprise"]
    is_manual_connection           = false
  }

  # Pods must find the private address by the public name. Where a policy of your landing zone sees
  # to that, it needs nothing here.
  dynamic "private_dns_zone_group" {
    for_each = var.cache_private_dns_zone_id[*]

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

# Who connected, and from where; entries are data of people and are not logged by anybody.
resource "azurerm_monitor_diagnostic_setting" "cache" {
  name                       = "to-log-analytics"
  target_resource_id         = "${azurerm_managed_redis.cache.id}/databases/default"
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category = "ConnectionEvents"
  }
}
