# How PostgreSQL is set where it differs from the defaults of RDS, and why. Timeouts of the service
# are not here but on its roles (`database-roles`): migrations and backups need others.

locals {
  # Static ones take effect with a restart: of the maintenance window, or of somebody who chose the
  # moment. A new server starts with them.
  database_static_parameters = {
    # The number that sm.yaml's budget of connections was checked against, instead of one that RDS
    # takes from the memory that is left.
    max_connections = local.settings.database.max_connections

    # Which statements take the time; Database Insights reads it as well.
    shared_preload_libraries = "pg_stat_statements"
  }

  database_parameters = {
    # Nobody without TLS, and no password by a hash that can be replayed.
    "rds.force_ssl"                     = 1
    "rds.accepted_password_auth_method" = "scram"
    "password_encryption"               = "scram-sha-256"

    # What takes a second is slow for an API. Without the values that were sent along: they are data
    # of people, and logs are kept elsewhere and for others.
    "log_min_duration_statement" = 1000 # ms
    "log_parameter_max_length"   = 0
    "log_statement"              = "ddl" # who changed the schema, and when
    "log_lock_waits"             = 1     # whoever waits for a lock longer than deadlock_timeout, 1 s
    "log_temp_files"             = 10240 # kB: sorts that do not fit work_mem and go to disk
    "track_io_timing"            = 1     # tells a slow disk from a slow plan

    # With a tenth of the rows (RDS's default) a table of 50 million collects 5 million dead ones
    # before vacuum comes; plans go wrong sooner than that.
    "autovacuum_vacuum_scale_factor"  = "0.05"
    "autovacuum_analyze_scale_factor" = "0.02"
  }

  database_replica_parameters = {
    # Vacuum on the primary waits for queries of the replica instead of ending them. Its price, dead
    # rows that stay a little longer, is bounded: the statements of the service have a timeout.
    "hot_standby_feedback" = 1

    # A conflicting query holds replay up for as long as the replica is fresh enough to be read, no longer.
    "max_standby_streaming_delay" = 1000 * local.settings.database.max_replica_lag # ms
  }
}

resource "aws_db_parameter_group" "primary" {
  name_prefix = "${local.name}-"
  description = "Primary of ${local.name}"
  family      = "postgres${local.settings.database.version}"

  dynamic "parameter" {
    for_each = local.database_static_parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "pending-reboot"
    }
  }

  dynamic "parameter" {
    for_each = local.database_parameters

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  # Another major version needs a group of its family while the old one is still in use.
  lifecycle {
    create_before_destroy = true
  }
}

# A hot standby needs at least the primary's max_connections, so the static ones are the same.
resource "aws_db_parameter_group" "replica" {
  name_prefix = "${local.name}-replica-"
  description = "Read replicas of ${local.name}"
  family      = "postgres${local.settings.database.version}"

  dynamic "parameter" {
    for_each = local.database_static_parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "pending-reboot"
    }
  }

  dynamic "parameter" {
    for_each = merge(local.database_parameters, local.database_replica_parameters)

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
