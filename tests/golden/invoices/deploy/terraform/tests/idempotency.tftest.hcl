# What was done is remembered, safely, and only the pods can read it.

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

run "table" {
  command = apply

  assert {
    condition     = aws_dynamodb_table.idempotency.hash_key == "key" && one(aws_dynamodb_table.idempotency.ttl).enabled && one(aws_dynamodb_table.idempotency.ttl).attribute_name == "expires_at"
    error_message = "the worker writes `key` and `expires_at`"
  }

  assert {
    condition     = one(aws_dynamodb_table.idempotency.server_side_encryption).kms_key_arn == aws_kms_key.service.arn
    error_message = "the table must be encrypted with the service's key"
  }

  assert {
    condition     = one(aws_dynamodb_table.idempotency.point_in_time_recovery).enabled && aws_dynamodb_table.idempotency.deletion_protection_enabled
    error_message = "in production the table must survive a mistake"
  }

  assert {
    condition = one(jsondecode(aws_iam_role_policy.idempotency.policy).Statement) == {
      Sid      = "RememberTasks"
      Effect   = "Allow"
      Resource = aws_dynamodb_table.idempotency.arn
      Action   = ["dynamodb:DeleteItem", "dynamodb:PutItem"]
    }
    error_message = "the pods must write items of this table, and nothing else"
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_kms_key.service.policy).Statement :
      statement.Condition.StringEquals["kms:ViaService"] == "dynamodb.eu-west-1.amazonaws.com" if strcontains(statement.Sid, "IdempotencyTable")
    ])
    error_message = "this part of the key's policy must hold through DynamoDB only"
  }
}

run "can_be_removed_outside_production" {
  command = plan

  variables {
    environment = "dev"
  }

  assert {
    condition     = !aws_dynamodb_table.idempotency.deletion_protection_enabled
    error_message = "an environment that is given up must go with one destroy"
  }
}
