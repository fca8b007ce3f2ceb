# The queue and its dead letters.

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

run "failures_are_set_aside" {
  command = apply

  assert {
    condition     = jsondecode(aws_sqs_queue.tasks.redrive_policy).deadLetterTargetArn == "arn:aws:sqs:eu-west-1:111122223333:dead-letters"
    error_message = "what the workers cannot handle must go to the dead letters"
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.tasks.redrive_policy).maxReceiveCount > local.settings.queue.max_attempts
    error_message = "SQS must not set a task aside while the worker still tries"
  }

  assert {
    condition = jsondecode(aws_sqs_queue_redrive_allow_policy.dead_letters.redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = ["arn:aws:sqs:eu-west-1:111122223333:tasks"]
    } && aws_sqs_queue_redrive_allow_policy.dead_letters.queue_url == aws_sqs_queue.dead_letters.url
    error_message = "the dead letters must be those of this queue alone"
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.message_retention_seconds >= aws_sqs_queue.tasks.message_retention_seconds
    error_message = "a dead letter keeps its age and must not expire at once"
  }

  assert {
    condition     = aws_sqs_queue.dead_letters.max_message_size >= aws_sqs_queue.tasks.max_message_size
    error_message = "every task must fit among the dead letters"
  }
}

run "order" {
  command = apply

  assert {
    condition = alltrue([for queue in [aws_sqs_queue.tasks, aws_sqs_queue.dead_letters] :
      queue.fifo_queue == local.settings.queue.ordered && endswith(queue.name, ".fifo") == local.settings.queue.ordered
    ])
    error_message = "both queues must be FIFO, or neither"
  }

  assert {
    condition     = !aws_sqs_queue.tasks.content_based_deduplication && !aws_sqs_queue.dead_letters.content_based_deduplication
    error_message = "two tasks with the same body are two tasks"
  }
}

run "encrypted_with_the_key_of_the_service" {
  command = apply

  assert {
    condition     = aws_sqs_queue.tasks.kms_master_key_id == aws_kms_key.service.arn && aws_sqs_queue.dead_letters.kms_master_key_id == aws_kms_key.service.arn
    error_message = "tasks and dead letters must be encrypted with the service's key"
  }

  assert {
    condition = one([for statement in jsondecode(aws_kms_key.service.policy).Statement : statement if statement.Sid == "EncryptTasks"]) == {
      Sid       = "EncryptTasks"
      Effect    = "Allow"
      Principal = { AWS = [aws_iam_role.workload.arn] }
      Resource  = "*"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Condition = { StringEquals = { "kms:ViaService" = "sqs.eu-west-1.amazonaws.com" } }
    }
    error_message = "the pods, and through SQS alone, must be able to use the key"
  }
}

run "alarms" {
  command = apply

  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.oldest_task, aws_cloudwatch_metric_alarm.in_flight] :
      startswith(alarm.alarm_name, "invoices-prod-") && alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])
    ])
    error_message = "every alarm must be allowed to publish, and do it"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.dead_letters.dimensions == tomap({ QueueName = aws_sqs_queue.dead_letters.name }) && aws_cloudwatch_metric_alarm.dead_letters.threshold == 0
    error_message = "the first dead letter must be reported"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.oldest_task.dimensions == tomap({ QueueName = aws_sqs_queue.tasks.name }) && aws_cloudwatch_metric_alarm.oldest_task.threshold > local.settings.queue.acceptable_latency
    error_message = "an alarm must not go off within the latency goal"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.in_flight.dimensions == tomap({ QueueName = aws_sqs_queue.tasks.name }) && aws_cloudwatch_metric_alarm.in_flight.threshold < 120000
    error_message = "the alarm must come before the quota"
  }
}
