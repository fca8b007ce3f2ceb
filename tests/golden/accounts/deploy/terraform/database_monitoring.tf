# What RDS reports: logs of the servers, figures of their operating systems, and events.

locals {
  database_logs = ["postgresql", "upgrade"]

  database_log_groups = merge([
    for identifier in local.database_instances : {
      for log in local.database_logs : "${identifier}/${log}" => "/aws/rds/instance/${identifier}/${log}"
    }
  ]...)

  database_log_group_arns = [
    for name in concat(values(local.database_log_groups), [local.database_proxy_log_group]) :
    "arn:${data.aws_partition.current.partition}:logs:${var.region}:${var.account_id}:log-group:${name}"
  ]
}

resource "aws_cloudwatch_log_group" "database" {
  #checkov:skip=CKV_AWS_338:Slow statements and lock waits are for finding faults, not an audit trail. Retention is telemetry.log_retention in sm.yaml.
  for_each = local.database_log_groups

  name              = each.value
  retention_in_days = local.settings.log_retention
  kms_key_id        = aws_kms_key.service.arn
}

resource "aws_iam_role" "database_monitoring" {
  name                 = "${local.name}-monitoring"
  description          = "Enhanced monitoring of the database of ${local.service} in ${var.environment}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyForTheseServers"
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = local.database_instance_arns }
      }
    }]
  })
}

# Writes to one log group of the account, RDSOSMetrics, which RDS owns.
resource "aws_iam_role_policy_attachment" "database_monitoring" {
  role       = aws_iam_role.database_monitoring.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

# What no metric says: that a standby took over, or that a server cannot go on.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
resource "aws_db_event_subscription" "database" {
  name        = local.name
  sns_topic   = aws_sns_topic.alarms.arn
  source_type = "db-instance"
  source_ids  = concat([aws_db_instance.primary.identifier], [for replica in aws_db_instance.replica : replica.identifier])

  event_categories = [
    "deletion",
    "failover",
    "failure",
    "low storage",
    "read replica",
    "recovery",
  ]

  # RDS tries the topic at once.
  depends_on = [aws_sns_topic_policy.alarms]
}

locals {
  # Put together from names: the roles and policies that use them are made before the servers.
  database_instance_arns = [
    for identifier in local.database_instances :
    "arn:${data.aws_partition.current.partition}:rds:${var.region}:${var.account_id}:db:${identifier}"
  ]
}
