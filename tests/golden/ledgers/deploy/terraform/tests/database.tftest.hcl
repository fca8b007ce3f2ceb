# The servers: protected in production, sized down elsewhere, and reachable from the cluster alone.

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

run "private_endpoints" {
  command = apply

  variables {
    environment                  = "prod"
    database_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.postgres.database.azure.com"
  }

  assert {
    condition     = length(azurerm_private_endpoint.database) == 1 + local.settings.database.replicas && alltrue([for endpoint in azurerm_private_endpoint.database : endpoint.subnet_id == var.private_endpoint_subnet_id && one(endpoint.private_service_connection).subresource_names == tolist(["postgresqlServer"])])
    error_message = "every server needs a private address"
  }

  assert {
    condition     = alltrue([for endpoint in azurerm_private_endpoint.database : one(endpoint.private_dns_zone_group).private_dns_zone_ids == tolist([var.database_private_dns_zone_id])])
    error_message = "the private address must be found by the public name"
  }
}

run "primary" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition     = !azurerm_postgresql_flexible_server.primary.public_network_access_enabled && alltrue([for server in azurerm_postgresql_flexible_server.replica : !server.public_network_access_enabled])
    error_message = "no server may have a public address"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.primary.sku_name == local.settings.database.instance_class && azurerm_postgresql_flexible_server.primary.version == local.settings.database.version
    error_message = "size and version must be those of sm.yaml"
  }

  assert {
    condition     = join(",", azurerm_postgresql_flexible_server.primary.high_availability[*].mode) == (local.settings.database.high_availability ? "ZoneRedundant" : "")
    error_message = "the standby must be in another zone, where there is one"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.primary.backup_retention_days == local.settings.database.backup_retention && azurerm_postgresql_flexible_server.primary.geo_redundant_backup_enabled == local.settings.database.cross_region_backup
    error_message = "backups must be kept for as long, and as far away, as sm.yaml says"
  }

  assert {
    condition     = one(azurerm_postgresql_flexible_server.primary.maintenance_window).day_of_week == 0
    error_message = "production is changed after everybody else, on Sunday"
  }

  assert {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", azurerm_postgresql_flexible_server.primary.name)) && alltrue([for server in azurerm_postgresql_flexible_server.replica : can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", server.name))])
    error_message = "names are host names of 3 to 63 characters"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.primary.administrator_password == null && azurerm_postgresql_flexible_server.primary.administrator_password_wo == null
    error_message = "no password may get into the state"
  }
}

run "replicas" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = length(azurerm_postgresql_flexible_server.replica) == local.settings.database.replicas && alltrue([for server in azurerm_postgresql_flexible_server.replica : server.create_mode == "Replica" && server.location == local.location && server.sku_name == local.settings.database.instance_class])
    error_message = "replicas must be copies of the primary, as large and beside it"
  }
}

run "disk" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.primary.storage_mb >= local.settings.database.storage * 1024 && contains([32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384], azurerm_postgresql_flexible_server.primary.storage_mb / 1024)
    error_message = "the disk must be one that is sold, and hold what sm.yaml says"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.primary.auto_grow_enabled
    error_message = "a disk that fills up must grow by itself"
  }
}

run "protected" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition     = one(azurerm_management_lock.database).lock_level == "CanNotDelete" && one(azurerm_management_lock.database).scope == azurerm_postgresql_flexible_server.primary.id
    error_message = "nobody may delete the server by mistake"
  }
}

run "standby_in_another_region" {
  command = apply

  variables {
    environment             = "prod"
    database_standby_region = "northeurope"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.replica["standby"].location == "northeurope" && contains(keys(azurerm_private_endpoint.database), "standby")
    error_message = "the standby must lie in the other region, and be in reach"
  }

  assert {
    condition     = length(compact(split(",", output.kubernetes.database_replica_hosts))) == local.settings.database.replicas
    error_message = "nobody reads from the standby"
  }
}

# As if staging had been made like production above, and sm.yaml said something else now.
run "refuses_to_change_geo_redundancy" {
  command = plan

  expect_failures = [azurerm_postgresql_flexible_server.primary]
}

run "refuses_a_name_that_is_no_host_name" {
  command = plan

  variables {
    environment          = "prod"
    database_server_name = "Orders restored"
  }

  expect_failures = [var.database_server_name]
}

run "refuses_a_standby_nowhere" {
  command = plan

  variables {
    environment             = "prod"
    database_standby_region = "North Europe"
  }

  expect_failures = [var.database_standby_region]
}

run "refuses_a_placeholder_subnet" {
  command = plan

  variables {
    environment                = "prod"
    private_endpoint_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/replace-me/providers/Microsoft.Network/virtualNetworks/replace-me/subnets/replace-me"
  }

  expect_failures = [var.private_endpoint_subnet_id]
}

run "refuses_a_zone_of_another_service" {
  command = plan

  variables {
    environment                  = "prod"
    database_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
  }

  expect_failures = [var.database_private_dns_zone_id]
}
