# Tasks wait in one queue; those that could not be done, in a second one, until somebody has looked
# at them (docs/runbook.md). The numbers are those of sm.yaml.

locals {
  # AWS asks for the suffix where messages are ordered.
  queue_suffix = local.settings.queue.ordered ? ".fifo" : ""
}

resource "aws_sqs_queue" "tasks" {
  name              = "${local.name}${local.queue_suffix}"
  kms_master_key_id = aws_kms_key.service.arn

  visibility_timeout_seconds = local.settings.queue.visibility_timeout
  message_retention_seconds  = local.settings.queue.retention
  max_message_size           = local.settings.queue.max_message

  # The longest poll: a receive that finds nothing is a request too, and paid for.
  receive_wait_time_seconds = 20

  # Ordered within a message group, and groups independent of each other: the mode with the high
  # quota. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/high-throughput-fifo.html
  fifo_queue            = local.settings.queue.ordered
  deduplication_scope   = local.settings.queue.ordered ? "messageGroup" : null
  fifo_throughput_limit = local.settings.queue.ordered ? "perMessageGroupId" : null

  # Two tasks may well have the same body, and SQS would drop the second without a word. Producers
  # name what is a duplicate instead.
  content_based_deduplication = false

  # The worker counts attempts itself and says why it gave up. This is the net below it: for what
  # ends the process before it can say anything. Far above the attempts, because deliveries that a
  # crash or a deployment cut short count as well.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = min(2 * local.settings.queue.max_attempts + 10, 1000)
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name              = "${local.name}-dead-letters${local.queue_suffix}"
  kms_master_key_id = aws_kms_key.service.arn

  visibility_timeout_seconds = local.settings.queue.visibility_timeout
  receive_wait_time_seconds  = 20

  # What SQS moves here keeps the date of its first send, so this has to be the longer time.
  message_retention_seconds = local.settings.queue.dead_letter_retention

  # The most that SQS takes: a dead letter is its task and the reason.
  max_message_size = 1048576

  # Has to be of the same kind as the queue it serves.
  fifo_queue                  = local.settings.queue.ordered
  deduplication_scope         = local.settings.queue.ordered ? "messageGroup" : null
  fifo_throughput_limit       = local.settings.queue.ordered ? "perMessageGroupId" : null
  content_based_deduplication = false
}

# No other queue may set its failures aside here.
resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.tasks.arn]
  })
}
