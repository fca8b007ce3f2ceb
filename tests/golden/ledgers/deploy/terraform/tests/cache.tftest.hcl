# The cache: for the cluster alone, with TLS, for the pods and nobody else.

mock_provider "azurerm" {
  source = "./tests/azure"
}

variables {
  environment            = "staging"
  subscription_id        = "11111111-2222-3333-4444-555555555555"
  cluster_name           = "main"
  cluster_resource_group = "platform"

  private_endpoint_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/endpoints"

  log_analytics_workspace_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/platform/providers/Microsoft.OperationalInsights/workspaces/logs"
  alert_emails               = ["on-call@example.com"]

  load_balancer_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/load-balancers"
  load_balancer_address   = "10.20.9.10"
  zone_resource_group     = "dns"
}

run "private_endpoint" {
  command = apply

  variables {
    environment               = "prod"
    cache_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.redis.azure.net"
  }

  assert {
    condition     = azurerm_private_endpoint.cache.subnet_id == var.private_endpoint_subnet_id && one(azurerm_private_endpoint.cache.private_service_connection).subresource_names == tolist(["redisEnterprise"]) && one(azurerm_private_endpoint.cache.private_dns_zone_group).private_dns_zone_ids == tolist([var.cache_private_dns_zone_id])
    error_message = "the endpoint must lead to the cache, under its public name"
  }
}

run "cache" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition     = one(azurerm_managed_redis.cache.default_database).client_protocol == "Encrypted" && azurerm_managed_redis.cache.public_network_access == "Disabled"
    error_message = "nobody may connect without TLS, or from the internet"
  }

  assert {
    condition     = !one(azurerm_managed_redis.cache.default_database).access_keys_authentication_enabled
    error_message = "nobody may get in with a key"
  }

  assert {
    condition     = azurerm_managed_redis_access_policy_assignment.workload.object_id == azurerm_user_assigned_identity.workload.principal_id && azurerm_managed_redis_access_policy_assignment.workload.managed_redis_id == azurerm_managed_redis.cache.id
    error_message = "the pods must get in"
  }

  assert {
    condition     = azurerm_managed_redis.cache.sku_name == local.settings.cache.sku && azurerm_managed_redis.cache.high_availability_enabled == (local.settings.cache.replicas > 0)
    error_message = "size and copy must be those of sm.yaml"
  }

  assert {
    condition     = one(azurerm_managed_redis.cache.default_database).eviction_policy == "AllKeysLRU"
    error_message = "a full cache must make room instead of refusing writes"
  }

  assert {
    condition     = one(azurerm_managed_redis.cache.default_database).clustering_policy == "EnterpriseCluster"
    error_message = "the service's client does not follow redirects to other nodes"
  }

  assert {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,58}[a-z0-9]$", azurerm_managed_redis.cache.name)) && !strcontains(azurerm_managed_redis.cache.name, "--")
    error_message = "the name must be a host name of at most 60 characters"
  }

  assert {
    condition     = output.kubernetes.cache_host == azurerm_managed_redis.cache.hostname && output.kubernetes.cache_user == azurerm_user_assigned_identity.workload.principal_id
    error_message = "the pods must be told where the cache is, and who they are there"
  }
}

run "alerts" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition = alltrue([
      for alert in azurerm_monitor_metric_alert.cache :
      one(alert.action).action_group_id == azurerm_monitor_action_group.alerts.id && alert.scopes == toset([azurerm_managed_redis.cache.id])
    ]) && toset(keys(azurerm_monitor_metric_alert.cache)) == toset(["cpu", "evictions", "load", "memory"])
    error_message = "every alert must watch this cache and reach people"
  }

  assert {
    condition     = one(azurerm_monitor_activity_log_alert.cache_health.criteria).resource_ids == tolist([azurerm_managed_redis.cache.id])
    error_message = "people must be told when Azure sees the cache in trouble"
  }

  assert {
    condition     = azurerm_monitor_diagnostic_setting.cache.target_resource_id == "${azurerm_managed_redis.cache.id}/databases/default" && azurerm_monitor_diagnostic_setting.cache.log_analytics_workspace_id == var.log_analytics_workspace_id
    error_message = "it must be known who connected"
  }
}

run "refuses_a_zone_of_another_service" {
  command = plan

  variables {
    environment               = "prod"
    cache_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.redis.cache.windows.net"
  }

  expect_failures = [var.cache_private_dns_zone_id]
}
