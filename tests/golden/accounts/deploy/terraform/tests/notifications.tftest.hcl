# Alarms reach people, encrypted, and nobody else can publish or decrypt.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  environment  = "prod"
  account_id   = "111122223333"
  cluster_name = "main"
  alarm_emails = ["on-call@example.com"]

  data_subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
}

run "only_own_alarms_publish" {
  command = apply

  assert {
    condition     = jsondecode(aws_sns_topic_policy.alarms.policy).Statement[0].Condition.ArnLike["aws:SourceArn"] == "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:accounts-prod-*"
    error_message = "the topic must take messages of this service's alarms only"
  }

  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.service.arn
    error_message = "the topic must be encrypted with the service's key"
  }

  assert {
    condition     = aws_kms_key.service.enable_key_rotation && aws_kms_key.service.deletion_window_in_days == 30
    error_message = "the key must rotate and must not be deleted in a hurry"
  }

  assert {
    condition     = !strcontains(join(" ", flatten(jsondecode(aws_kms_key.service.policy).Statement[*].Action)), "*")
    error_message = "the key policy must name every action"
  }

  assert {
    condition     = !contains(jsondecode(aws_kms_key.service.policy).Statement[0].Action, "kms:Decrypt")
    error_message = "an IAM policy alone must not be enough to decrypt"
  }

  assert {
    condition     = toset(keys(aws_sns_topic_subscription.email)) == toset(["on-call@example.com"])
    error_message = "each address must be subscribed"
  }
}

run "refuses_placeholder_address" {
  command = plan

  variables {
    alarm_emails = ["replace-me@example.com"]
  }

  expect_failures = [var.alarm_emails]
}
