# How PostgreSQL is set, on the primary and on each replica.

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

run "transport_and_passwords" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server_configuration.primary["require_secure_transport"].value == "on" && azurerm_postgresql_flexible_server_configuration.primary["ssl_min_protocol_version"].value == "TLSv1.2"
    error_message = "nobody may connect without TLS 1.2"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server_configuration.primary["password_encryption"].value == "scram-sha-256" && azurerm_postgresql_flexible_server_configuration.primary["azure.accepted_password_auth_method"].value == "scram-sha-256"
    error_message = "MD5 must be neither stored nor accepted"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server_configuration.primary["log_parameter_max_length"].value == "0"
    error_message = "values that people sent must not be logged"
  }
}

run "connections" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = tonumber(azurerm_postgresql_flexible_server_configuration.connections.value) - 15 == local.settings.database.max_connections
    error_message = "the service must get the connections that sm.yaml counts on"
  }

  assert {
    condition     = length(azurerm_postgresql_flexible_server_configuration.replica_connections) == local.settings.database.replicas && alltrue([for setting in azurerm_postgresql_flexible_server_configuration.replica_connections : setting.value == azurerm_postgresql_flexible_server_configuration.connections.value])
    error_message = "a hot standby needs as many as its primary"
  }
}

run "replicas_are_set_like_the_primary" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition = alltrue(flatten([for key in keys(local.database_replicas) : [
      for name, value in local.database_parameters : azurerm_postgresql_flexible_server_configuration.replica["${key}/${name}"].value == value
    ]]))
    error_message = "a replica that is made the primary must behave like it"
  }

  assert {
    condition = alltrue([for key in keys(local.database_replicas) :
      azurerm_postgresql_flexible_server_configuration.replica["${key}/max_standby_streaming_delay"].value == tostring(1000 * local.settings.database.max_replica_lag) && azurerm_postgresql_flexible_server_configuration.replica["${key}/hot_standby_feedback"].value == "on"
    ])
    error_message = "a query must not hold replay up for longer than the replica may be behind"
  }
}

run "pooler" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server_configuration.primary["pgbouncer.enabled"].value == "true" && alltrue([for key in keys(local.database_server_ids) : azurerm_postgresql_flexible_server_configuration.pooler["${key}/pgbouncer.pool_mode"].value == "transaction"])
    error_message = "PgBouncer must pool by transaction, on every server"
  }

  assert {
    condition     = 2 * tonumber(azurerm_postgresql_flexible_server_configuration.pooler["primary/pgbouncer.default_pool_size"].value) < local.settings.database.max_connections
    error_message = "the pools of both logins must leave connections for jobs and people"
  }
}
