# One customer-managed key for everything at rest that belongs to this service in this
# environment. Rotated every year by AWS; old material stays usable.

resource "aws_kms_key" "service" {
  description             = "Encrypts what ${local.name} stores"
  enable_key_rotation     = true
  deletion_window_in_days = 30 # the longest: time to notice a mistaken destroy

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.key_administration], local.key_users)
  })
}

resource "aws_kms_alias" "service" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.service.key_id
}

locals {
  # IAM policies of this account may grant key administration and nothing more: no one, not
  # even an administrator, decrypts with this key by an IAM policy alone. The one exception
  # is the table of tasks that were done, and only through DynamoDB.
  key_administration = {
    Sid       = "AdministerByIam"
    Effect    = "Allow"
    Principal = { AWS = local.account_root_arn }
    Resource  = "*" # in a key policy: this key
    Action = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:EnableKey",
      "kms:EnableKeyRotation",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListKeyPolicies",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
  }

  # Some take part only when a variable asks for it: an empty list then, which flatten leaves out.
  key_users = flatten([
    {
      # Alarms publish to the encrypted topic: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
      # Who may publish is limited by the policy of the topic, the only user of the key for this service.
      Sid       = "EncryptNotificationsOfAlarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Resource  = "*"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    },
    {
      # Who sends and takes tasks, and only through SQS.
      # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
      Sid       = "EncryptTasks"
      Effect    = "Allow"
      Principal = { AWS = concat([aws_iam_role.workload.arn], var.producer_role_arns) }
      Resource  = "*"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Condition = {
        StringEquals = { "kms:ViaService" = "sqs.${var.region}.amazonaws.com" }
      }
    },
    [for topics in [var.topic_arns] : {
      # https://docs.aws.amazon.com/sns/latest/dg/sns-enable-encryption-for-topic-sqs-queue-subscriptions.html
      Sid       = "EncryptTasksOfTopics"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Resource  = "*"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Condition = {
        ArnEquals = { "aws:SourceArn" = topics }
      }
    } if length(topics) > 0],
    {
      # DynamoDB uses the key in the name of whoever reads or writes the table.
      # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
      Sid       = "ReadIdempotencyTable"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.workload.arn }
      Resource  = "*"
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      Condition = {
        StringEquals = { "kms:ViaService" = "dynamodb.${var.region}.amazonaws.com" }
      }
    },
    {
      # Making the table takes a grant that lets DynamoDB keep it encrypted. Only through DynamoDB, and
      # whoever runs Terraform needs these actions in a policy of its own as well.
      Sid       = "MakeIdempotencyTable"
      Effect    = "Allow"
      Principal = { AWS = local.account_root_arn }
      Resource  = "*"
      Action = [
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ]
      Condition = {
        StringEquals = {
          "kms:CallerAccount" = var.account_id
          "kms:ViaService"    = "dynamodb.${var.region}.amazonaws.com"
        }
      }
    },
  ])
}
