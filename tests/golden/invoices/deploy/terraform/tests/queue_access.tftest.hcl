# Who may send and take tasks.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  environment  = "prod"
  account_id   = "111122223333"
  cluster_name = "main"
  alarm_emails = ["on-call@example.com"]

  keda_operator_role_arn = "arn:aws:iam::111122223333:role/keda-operator"
}

override_resource {
  target = aws_sqs_queue.tasks
  values = {
    arn = "arn:aws:sqs:eu-west-1:111122223333:tasks"
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/tasks"
  }
}

override_resource {
  target = aws_sqs_queue.dead_letters
  values = {
    arn = "arn:aws:sqs:eu-west-1:111122223333:dead-letters"
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters"
  }
}

run "only_the_pods" {
  command = apply

  assert {
    condition = one(jsondecode(aws_iam_role_policy.queue.policy).Statement) == {
      Sid      = "HandleTasks"
      Effect   = "Allow"
      Resource = ["arn:aws:sqs:eu-west-1:111122223333:tasks", "arn:aws:sqs:eu-west-1:111122223333:dead-letters"]
      Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
    }
    error_message = "the pods must handle messages of these two queues, and nothing else"
  }

  assert {
    condition = alltrue([
      for policy in [aws_sqs_queue_policy.tasks, aws_sqs_queue_policy.dead_letters] :
      [for statement in jsondecode(policy.policy).Statement : statement.Effect] == ["Deny"]
    ])
    error_message = "without producers and topics the queues must admit nobody"
  }
}

run "never_without_tls" {
  command = apply

  assert {
    condition = {
      for policy in [aws_sqs_queue_policy.tasks, aws_sqs_queue_policy.dead_letters] :
      policy.queue_url => jsondecode(policy.policy).Statement[0]
      } == {
      for queue in [aws_sqs_queue.tasks, aws_sqs_queue.dead_letters] : queue.url => {
        Sid       = "OnlyWithTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = queue.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }
    }
    error_message = "both queues must refuse every call without TLS"
  }
}

run "producers_and_topics" {
  command = apply

  variables {
    producer_role_arns = ["arn:aws:iam::444455556666:role/billing-prod"]
    topic_arns         = ["arn:aws:sns:eu-west-1:111122223333:events"]
  }

  assert {
    condition = { for statement in jsondecode(aws_sqs_queue_policy.tasks.policy).Statement : statement.Sid => [statement.Action, statement.Principal] if statement.Effect == "Allow" } == {
      SendByProducers = ["sqs:SendMessage", { AWS = ["arn:aws:iam::444455556666:role/billing-prod"] }]
      SendByTopics    = ["sqs:SendMessage", { Service = "sns.amazonaws.com" }]
    }
    error_message = "producers and topics must be able to send, and no more"
  }

  assert {
    condition = alltrue([
      for statement in concat(jsondecode(aws_sqs_queue_policy.tasks.policy).Statement, jsondecode(aws_sqs_queue_policy.dead_letters.policy).Statement, jsondecode(aws_kms_key.service.policy).Statement) :
      jsonencode(statement.Condition) == jsonencode({ ArnEquals = { "aws:SourceArn" = var.topic_arns } }) if jsonencode(statement.Principal) == jsonencode({ Service = "sns.amazonaws.com" })
    ])
    error_message = "SNS must be let in for these topics only"
  }

  assert {
    condition     = [for statement in jsondecode(aws_sqs_queue_policy.dead_letters.policy).Statement : statement.Sid] == ["OnlyWithTls", "SendByTopics"]
    error_message = "what SNS cannot deliver must have a place, and producers none there"
  }

  assert {
    condition     = contains(one([for statement in jsondecode(aws_kms_key.service.policy).Statement : statement if statement.Sid == "EncryptTasks"]).Principal.AWS, "arn:aws:iam::444455556666:role/billing-prod")
    error_message = "a producer that may not use the key cannot send"
  }

  assert {
    condition = alltrue([
      for subscription in aws_sns_topic_subscription.tasks :
      subscription.raw_message_delivery && subscription.endpoint == aws_sqs_queue.tasks.arn && jsondecode(subscription.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead_letters.arn
    ]) && toset(keys(aws_sns_topic_subscription.tasks)) == toset(var.topic_arns)
    error_message = "each topic must be subscribed, as it was published, with the dead letters behind it"
  }
}

run "refuses_topics_of_the_other_kind" {
  command = plan

  variables {
    topic_arns = ["arn:aws:sns:eu-west-1:111122223333:events.fifo"]
  }

  expect_failures = [var.topic_arns]
}

run "refuses_a_producer_that_is_no_role" {
  command = plan

  variables {
    producer_role_arns = ["arn:aws:iam::444455556666:root"]
  }

  expect_failures = [var.producer_role_arns]
}
