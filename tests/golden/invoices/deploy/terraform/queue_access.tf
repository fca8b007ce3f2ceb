# Who may send tasks and who may take them. Everybody else needs nothing from these queues, and
# nobody reaches them without TLS.

# The pods: the worker takes tasks, sends those that follow from them, and sets aside what failed;
# `dead-letters list|redrive|purge` takes from the dead letters as well.
resource "aws_iam_role_policy" "queue" {
  name = "queue"
  role = aws_iam_role.workload.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "HandleTasks"
      Effect   = "Allow"
      Resource = [aws_sqs_queue.tasks.arn, aws_sqs_queue.dead_letters.arn]
      Action = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
      ]
    }]
  })
}

resource "aws_sqs_queue_policy" "tasks" {
  queue_url = aws_sqs_queue.tasks.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [merge(local.only_with_tls, { Resource = aws_sqs_queue.tasks.arn })],
      [for statement in local.queue_senders : merge(statement, { Resource = aws_sqs_queue.tasks.arn })],
    )
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [merge(local.only_with_tls, { Resource = aws_sqs_queue.dead_letters.arn })],
      [for statement in local.topic_senders : merge(statement, { Resource = aws_sqs_queue.dead_letters.arn })],
    )
  })
}

# Every message of a topic is a task; what SNS cannot deliver lies with the other dead letters.
resource "aws_sns_topic_subscription" "tasks" {
  for_each = toset(var.topic_arns)

  topic_arn = each.value
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.tasks.arn

  # The message as it was published, without the envelope of SNS: body and attributes of a task.
  raw_message_delivery = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
  })

  # A message that arrives before SNS may send would be lost.
  depends_on = [aws_sqs_queue_policy.tasks, aws_sqs_queue_policy.dead_letters]
}

locals {
  only_with_tls = {
    Sid       = "OnlyWithTls"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Condition = {
      Bool = { "aws:SecureTransport" = "false" }
    }
  }

  producer_senders = [for producers in [var.producer_role_arns] : {
    Sid       = "SendByProducers"
    Effect    = "Allow"
    Principal = { AWS = producers }
    Action    = "sqs:SendMessage"
  } if length(producers) > 0]

  # Topics of this list only, whatever else of SNS knows the name of the queue.
  topic_senders = [for topics in [var.topic_arns] : {
    Sid       = "SendByTopics"
    Effect    = "Allow"
    Principal = { Service = "sns.amazonaws.com" }
    Action    = "sqs:SendMessage"
    Condition = {
      ArnEquals = { "aws:SourceArn" = topics }
    }
  } if length(topics) > 0]

  queue_senders = concat(local.producer_senders, local.topic_senders)
}
