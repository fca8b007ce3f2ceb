# What ElastiCache itself sees, for each node. Hit rate and errors as the service sees them are watched
# by the alerts in deploy/kubernetes/overlays (Prometheus).
# Metrics: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html

locals {
  cache_alarms = {
    engine-cpu = {
      metric      = "EngineCPUUtilization"
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 80 # percent of the one core that runs commands
      minutes     = 10
      description = "The one thread that runs commands is busy, and everybody waits for it: choose a larger cache.size."
    }
    cpu = {
      metric      = "CPUUtilization"
      statistic   = "Average"
      comparison  = "GreaterThanThreshold"
      threshold   = 90 # percent of all cores; TLS and replication run beside the commands
      minutes     = 10
      description = "All cores of the node are busy."
    }
    memory = {
      metric      = "DatabaseMemoryUsagePercentage"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 99 # of what entries may take; a full cache evicts, one that stays over it cannot keep up
      minutes     = 60
      description = "The cache has been full for an hour: compare cache.working_set with what it holds."
    }
    evictions = {
      metric      = "Evictions"
      statistic   = "Sum"
      comparison  = "GreaterThanThreshold"
      threshold   = 1000 # entries a minute: a thousand more queries of the database
      minutes     = 15
      description = "The cache throws out entries that would soon be asked for: choose a larger cache.size."
    }
    swap = {
      metric      = "SwapUsage"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 300 * 1024 * 1024 # bytes, the limit of AWS's recommendation
      minutes     = 5
      description = "The node swaps, and answers in milliseconds instead of microseconds."
    }
  }

  # Nodes of the families t3 and t4g: with no credits left they run at a fifth of a core or less, and
  # neither of the alarms on processors would see it.
  # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.HostLevel.html
  cache_burstable_alarms = {
    cpu-credits = {
      metric      = "CPUCreditBalance"
      statistic   = "Minimum"
      comparison  = "LessThanThreshold"
      threshold   = 28  # a tenth of what the smallest can save up, 288
      period      = 300 # seconds; credits are reported every five minutes
      minutes     = 15
      description = "CPU credits are nearly used up, and answers will soon take longer than cache.timeout: choose a larger cache.size."
    }
  }

  cache_replica_alarms = {
    lag = {
      metric      = "ReplicationLag"
      statistic   = "Maximum"
      comparison  = "GreaterThanThreshold"
      threshold   = 10 # seconds of writes that a failover would lose
      minutes     = 5
      description = "A replica is behind: when it takes over, invalidations of that time are lost, until cache.ttl."
    }
  }

  cache_node_alarms = merge([
    for node in local.cache_nodes : {
      for name, alarm in merge(
        local.cache_alarms,
        startswith(local.settings.cache.node_type, "cache.t") ? local.cache_burstable_alarms : {},
        local.settings.cache.replicas > 0 ? local.cache_replica_alarms : {},
      ) :
      "${trimprefix(node, "${local.name}-")}-${name}" => merge(alarm, { node = node })
    }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "cache" {
  for_each = local.cache_node_alarms

  alarm_name        = "${local.name}-cache-${each.key}"
  alarm_description = each.value.description

  namespace   = "AWS/ElastiCache"
  metric_name = each.value.metric
  dimensions  = { CacheClusterId = each.value.node }
  statistic   = each.value.statistic
  period      = try(each.value.period, 60)

  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.minutes * 60 / try(each.value.period, 60)
  datapoints_to_alarm = each.value.minutes * 60 / try(each.value.period, 60)
  treat_missing_data  = "missing" # replication lag is of replicas, whichever node that is now
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
