# A backup that fails, or is not made at all. Logical backups and drills are jobs of the cluster and
# have their alerts in deploy/kubernetes.
# Metrics: https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html

locals {
  backup_alarms = merge(
    {
      failed = {
        metric      = "NumberOfBackupJobsFailed"
        description = "AWS Backup could not take a snapshot of the database."
      }
      expired = {
        metric      = "NumberOfBackupJobsExpired"
        description = "A snapshot of the database did not begin or end within its window."
      }
    },
    { for region in compact([local.backup_region]) : "copy-failed" => {
      metric      = "NumberOfCopyJobsFailed"
      description = "A snapshot was not copied to ${region}."
    } },
  )
}

resource "aws_cloudwatch_metric_alarm" "backup" {
  for_each = local.backup_alarms

  alarm_name        = "${local.name}-backup-${each.key}"
  alarm_description = each.value.description

  namespace   = "AWS/Backup"
  metric_name = each.value.metric
  dimensions  = { BackupVaultName = aws_backup_vault.database["primary"].name, ResourceType = "RDS" }
  statistic   = "Sum"
  period      = 300

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # nothing is reported between two backups
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

# The one that goes off when a plan, a role or a key is no longer what it was and nothing happens at all.
resource "aws_cloudwatch_metric_alarm" "no_backup" {
  alarm_name        = "${local.name}-backup-missing"
  alarm_description = "No snapshot of the database was completed for 30 hours; expected in a new environment, until its first night is over."

  namespace   = "AWS/Backup"
  metric_name = "NumberOfBackupJobsCompleted"
  dimensions  = { BackupVaultName = aws_backup_vault.database["primary"].name, ResourceType = "RDS" }
  statistic   = "Sum"
  period      = 3600

  # A day, and what the windows of the plan let one backup be later than another.
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 30
  datapoints_to_alarm = 30
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "backup_replication" {
  for_each = aws_s3_bucket_replication_configuration.backup

  alarm_name        = "${local.name}-backup-replication"
  alarm_description = "Logical backups were not copied to ${each.key}."

  namespace   = "AWS/S3"
  metric_name = "OperationsFailedReplication"
  statistic   = "Sum"
  period      = 300
  dimensions = {
    SourceBucket      = aws_s3_bucket.backup["primary"].bucket
    DestinationBucket = aws_s3_bucket.backup["copy"].bucket
    RuleId            = "copy"
  }

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
