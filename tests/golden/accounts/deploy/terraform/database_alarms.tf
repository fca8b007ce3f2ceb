# What RDS itself sees, for each server. Pools, latency of statements and freshness of replicas as the
# service sees them are watched by the alerts in deploy/kubernetes/overlays (Prometheus); these alarms
# still work when the cluster does not.
# Metrics: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html

locals {
  database_gib = 1024 * 1024 * 1024

  # What gp3 brings along: 3,000 operations a second, from 400 GiB 12,000.
  # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
  database_iops = local.settings.database.storage >= 400 ? 12000 : 3000

  # By name: statistic of a minute (or of another period), threshold, and for how many minutes in a row.
  database_alarms = {
    cpu = {
      metric      = "CPUUtilization"
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 80 # percent: queries begin to wait for a core well before 100
      minutes     = 15
      description = "The processors are busy: find the statement in Database Insights, or choose a larger database.size."
    }
    connections = {
      metric      = "DatabaseConnections"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = floor(0.8 * local.settings.database.max_connections)
      minutes     = 5
      description = "Four fifths of max_connections are in use; above all of them, logins are refused."
    }
    free-storage = {
      metric     = "FreeStorageSpace"
      statistic  = "Minimum"
      comparison = "LessThanThreshold"
      threshold  = floor(0.1 * local.settings.database.storage * local.database_gib) # bytes
      minutes    = 15

      # Where RDS adds storage, at the first size; a twentieth of the doubled one, which RDS leaves as it is.
      description = "What is left is a tenth of database.storage, and RDS has not added any for a quarter of an hour. A full disk stops the database."
    }
    memory = {
      metric      = "FreeableMemory"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = floor(0.05 * local.settings.database.memory * local.database_gib) # bytes
      minutes     = 15
      description = "Memory is used up, the page cache included: connections or work_mem take more than there is."
    }
    disk-queue = {
      metric      = "DiskQueueDepth"
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = local.database_iops * 0.01 # operations that wait when all that the volume can do takes 10 ms each
      minutes     = 15
      description = "The volume does all the operations it can, and more wait."
    }
    read-latency = {
      metric      = "ReadLatency"
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 0.02 # seconds; gp3 answers in one to nine milliseconds
      minutes     = 15
      description = "Reads of the volume are slow."
    }
    write-latency = {
      metric      = "WriteLatency"
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 0.02
      minutes     = 15
      description = "Writes of the volume are slow, and with them every commit."
    }
  }

  database_burstable_alarms = {
    cpu-credits = {
      metric      = "CPUCreditBalance"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 58  # a tenth of what db.t4g.medium can save up; below none, the processors cost extra
      period      = 300 # seconds; credits are reported every five minutes
      minutes     = 15
      description = "CPU credits are nearly used up: the instance does more than it is sized for."
    }
  }

  database_primary_alarms = {
    transaction-ids = {
      metric     = "MaximumUsedTransactionIDs"
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 1000000000 # half of what there are; vacuum should have begun at 200 million
      minutes    = 5

      # https://aws.amazon.com/blogs/database/implement-an-early-warning-system-for-transaction-id-wraparound-in-amazon-rds-for-postgresql/
      description = "Vacuum does not get to freeze old rows. With no transaction IDs left the database takes no writes."
    }
  }

  # RDS counts from the last transaction that was replayed, so without writes it counts up to some
  # minutes although nothing is missing; the service measures better and stops reading far earlier.
  # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.Monitor.html
  database_replica_alarms = {
    lag = {
      metric      = "ReplicaLag"
      statistic   = "Minimum"
      comparison  = "GreaterThanThreshold"
      threshold   = max(6 * local.settings.database.max_replica_lag, 600) # seconds
      minutes     = 15
      description = "A read replica is far behind, and the primary serves its reads."
    }
  }

  # One entry an alarm of a server: <server>-<alarm>.
  database_server_alarms = merge([
    for key, identifier in local.database_instances : {
      for name, alarm in merge(
        local.database_alarms,
        local.settings.database.burstable ? local.database_burstable_alarms : {},
        key == "primary" ? local.database_primary_alarms : local.database_replica_alarms,
      ) : "${key}-${name}" => merge(alarm, { identifier = identifier })
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "database" {
  for_each = local.database_server_alarms

  alarm_name        = "${local.name}-database-${each.key}"
  alarm_description = each.value.description

  namespace   = "AWS/RDS"
  metric_name = each.value.metric
  dimensions  = { DBInstanceIdentifier = each.value.identifier }
  statistic   = each.value.statistic
  period      = try(each.value.period, 60)

  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.minutes * 60 / try(each.value.period, 60)
  datapoints_to_alarm = each.value.minutes * 60 / try(each.value.period, 60)
  treat_missing_data  = "missing" # some come late; a server that is gone is an event of RDS
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
