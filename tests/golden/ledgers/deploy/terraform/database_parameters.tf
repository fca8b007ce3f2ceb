# How PostgreSQL is set where it differs from Azure's defaults, and why. Timeouts of the service are
# not here but on its roles (`database-roles`): migrations and backups need others.
# https://learn.microsoft.com/azure/postgresql/server-parameters/concepts-server-parameters

locals {
  # Azure keeps 15 connections for itself; d.database.max_connections is what is left.
  # https://learn.microsoft.com/azure/postgresql/configure-maintain/concepts-limits#maximum-connections
  database_reserved_connections = 15

  database_parameters = merge(
    {
      # Nobody without TLS, and no password by a hash that can be replayed.
      "require_secure_transport"            = "on"
      "ssl_min_protocol_version"            = "TLSv1.2"
      "password_encryption"                 = "scram-sha-256"
      "azure.accepted_password_auth_method" = "scram-sha-256"

      # What takes a second is slow for an API. Without the values that were sent along: they are data
      # of people, and logs are kept elsewhere and for others.
      "log_min_duration_statement" = "1000" # ms
      "log_parameter_max_length"   = "0"
      "log_statement"              = "ddl"   # who changed the schema, and when
      "log_lock_waits"             = "on"    # whoever waits for a lock longer than deadlock_timeout, 1 s
      "log_temp_files"             = "10240" # kB: sorts that do not fit work_mem and go to disk
      "track_io_timing"            = "on"    # tells a slow disk from a slow plan

      # Which statements take the time. The library is loaded by default, but counts nothing.
      "azure.extensions"         = "PG_STAT_STATEMENTS"
      "pg_stat_statements.track" = "top"

      # Metrics of Azure Monitor about sessions; the alert on old transactions reads them.
      "metrics.collector_database_activity" = "on"

      # With a fifth of the rows (the default) a table of 50 million collects 10 million dead ones
      # before vacuum comes; plans go wrong sooner than that.
      "autovacuum_vacuum_scale_factor"  = "0.05"
      "autovacuum_analyze_scale_factor" = "0.02"
    },
    # On the server itself, port 6432: it restarts and fails over with it.
    # https://learn.microsoft.com/azure/postgresql/connectivity/concepts-pgbouncer
    local.settings.database.pooler ? { "pgbouncer.enabled" = "true" } : {},
  )

  database_pooler_parameters = {
    "pgbouncer.pool_mode"           = "transaction"
    "metrics.pgbouncer_diagnostics" = "on"

    # A pool is made for each login, and two of them alternate: twice two fifths. What is left serves
    # migrations, rotation, backups and people.
    "pgbouncer.default_pool_size" = tostring(floor(0.4 * local.settings.database.max_connections))

    # Seconds. Not longer than the pool of a pod waits, or requests would queue twice.
    "pgbouncer.query_wait_timeout" = tostring(ceil(local.settings.database.pool_wait / 1000))
  }

  database_replica_parameters = {
    # Vacuum on the primary waits for queries of the replica instead of ending them. Its price, dead
    # rows that stay a little longer, is bounded: the statements of the service have a timeout.
    "hot_standby_feedback" = "on"

    # A conflicting query holds replay up for as long as the replica is fresh enough to be read, no longer.
    "max_standby_streaming_delay" = tostring(1000 * local.settings.database.max_replica_lag) # ms
  }

  # <server>/<parameter>, because replicas do not follow what is changed on the primary.
  database_pooler_settings = merge([
    for key in local.settings.database.pooler ? keys(local.database_server_ids) : [] : {
      for name, value in local.database_pooler_parameters : "${key}/${name}" => { server = key, name = name, value = value }
    }
  ]...)

  database_replica_settings = merge([
    for key in keys(local.database_replicas) : {
      for name, value in merge(local.database_parameters, local.database_replica_parameters) : "${key}/${name}" => { server = key, name = name, value = value }
    }
  ]...)
}

resource "azurerm_postgresql_flexible_server_configuration" "primary" {
  for_each = local.database_parameters

  server_id = azurerm_postgresql_flexible_server.primary.id
  name      = each.key
  value     = each.value
}

resource "azurerm_postgresql_flexible_server_configuration" "replica" {
  for_each = local.database_replica_settings

  server_id = azurerm_postgresql_flexible_server.replica[each.value.server].id
  name      = each.value.name
  value     = each.value.value
}

# PgBouncer has no parameters before it is on.
resource "azurerm_postgresql_flexible_server_configuration" "pooler" {
  for_each = local.database_pooler_settings

  server_id = local.database_server_ids[each.value.server]
  name      = each.value.name
  value     = each.value.value

  depends_on = [
    azurerm_postgresql_flexible_server_configuration.primary,
    azurerm_postgresql_flexible_server_configuration.replica,
  ]
}

# Azure computes it once, when a server is made: a larger database.size would keep the number of the
# smaller one. It takes effect with a restart, which the provider does at once. A hot standby stops
# following when it has less than its primary, so replicas come first.
resource "azurerm_postgresql_flexible_server_configuration" "replica_connections" {
  for_each = local.database_replicas

  server_id = azurerm_postgresql_flexible_server.replica[each.key].id
  name      = "max_connections"
  value     = tostring(local.settings.database.max_connections + local.database_reserved_connections)

  depends_on = [azurerm_postgresql_flexible_server_configuration.replica]
}

resource "azurerm_postgresql_flexible_server_configuration" "connections" {
  server_id = azurerm_postgresql_flexible_server.primary.id
  name      = "max_connections"
  value     = tostring(local.settings.database.max_connections + local.database_reserved_connections)

  depends_on = [
    azurerm_postgresql_flexible_server_configuration.primary,
    azurerm_postgresql_flexible_server_configuration.replica_connections,
  ]
}
