# Which tasks are being done and which were done, so that a message that arrives twice is not
# executed twice. It holds keys and times, no payloads.

resource "aws_dynamodb_table" "idempotency" {
  name         = "${local.name}-idempotency"
  billing_mode = "PAY_PER_REQUEST" # a write or two a task; nothing to size, nothing when idle
  hash_key     = "key"

  attribute {
    name = "key"
    type = "S"
  }

  # Seconds since 1970, set by the worker. DynamoDB deletes some days later and free of charge; the
  # worker looks at the time itself.
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.service.arn
  }

  point_in_time_recovery {
    enabled = true
  }

  # Without the table every message that is still on its way could be executed again.
  deletion_protection_enabled = var.environment == "prod"
}

resource "aws_iam_role_policy" "idempotency" {
  name = "idempotency"
  role = aws_iam_role.workload.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "RememberTasks"
      Effect   = "Allow"
      Resource = aws_dynamodb_table.idempotency.arn
      Action = [
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
      ]
    }]
  })
}
