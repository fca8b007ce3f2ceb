# What SQS itself sees. Backlog, retries and dead letters by task are watched by the alerts in
# deploy/kubernetes/overlays (Prometheus); these alarms still work when the cluster does not.
# Metrics: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name        = "${local.name}-dead-letters"
  alarm_description = "Tasks were given up and wait for somebody to look at them."

  # Not NumberOfMessagesSent: it leaves out what SQS moves here itself.
  namespace   = "AWS/SQS"
  metric_name = "ApproximateNumberOfMessagesVisible"
  dimensions  = { QueueName = aws_sqs_queue.dead_letters.name }
  statistic   = "Maximum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching" # a queue that nobody uses for six hours has no metrics
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "oldest_task" {
  alarm_name        = "${local.name}-oldest-task"
  alarm_description = "A task waits far longer than it should: the workers are down, or cannot keep up."

  namespace   = "AWS/SQS"
  metric_name = "ApproximateAgeOfOldestMessage"
  dimensions  = { QueueName = aws_sqs_queue.tasks.name }
  statistic   = "Maximum"
  period      = 60

  # Seconds. Five times the goal, so that the alerts in the cluster come first; never under five
  # minutes, in which a pod starts and a failed task has had some of its attempts.
  comparison_operator = "GreaterThanThreshold"
  threshold           = max(5 * local.settings.queue.acceptable_latency, 300)
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

# A task that waits for its next attempt is in flight too, so this is what grows when something that
# the tasks need is down. At 120,000 SQS hands out nothing more, ordered or not:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
resource "aws_cloudwatch_metric_alarm" "in_flight" {
  alarm_name        = "${local.name}-in-flight"
  alarm_description = "The queue nears 120,000 messages in flight, above which SQS hands out no more."

  namespace   = "AWS/SQS"
  metric_name = "ApproximateNumberOfMessagesNotVisible"
  dimensions  = { QueueName = aws_sqs_queue.tasks.name }
  statistic   = "Maximum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 96000 # 80 %
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}
