# KEDA can read the length of the queue, and nothing else.

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

run "role_of_keda" {
  command = apply

  assert {
    condition = one(jsondecode(aws_iam_role.keda.assume_role_policy).Statement) == {
      Sid       = "OnlyTheOperatorOfKeda"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:role/keda-operator" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }
    error_message = "only KEDA's operator may take the role, with its session tags"
  }

  assert {
    condition = one(jsondecode(aws_iam_role_policy.keda.policy).Statement) == {
      Sid      = "ReadQueueLength"
      Effect   = "Allow"
      Action   = "sqs:GetQueueAttributes"
      Resource = "arn:aws:sqs:eu-west-1:111122223333:tasks"
    } && aws_iam_role_policy.keda.role == aws_iam_role.keda.id
    error_message = "the role must read the attributes of this queue, and nothing else"
  }

  assert {
    condition     = length(aws_iam_role.keda.name) <= 64
    error_message = "IAM allows 64 characters for the name of a role"
  }

  assert {
    condition     = output.kubernetes.keda_role_arn == aws_iam_role.keda.arn && output.kubernetes.queue_url == "https://sqs.eu-west-1.amazonaws.com/111122223333/tasks"
    error_message = "the manifests need the role and the queue"
  }
}

run "refuses_an_operator_of_another_account" {
  command = plan

  variables {
    keda_operator_role_arn = "arn:aws:iam::000000000000:role/replace-me"
  }

  expect_failures = [var.keda_operator_role_arn]
}
