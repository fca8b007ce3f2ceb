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
  # even an administrator, decrypts with this key by an IAM policy alone.
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

  key_users = [
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
      # Logs of the firewall, and no other log group.
      # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
      Sid       = "EncryptFirewallLogs"
      Effect    = "Allow"
      Principal = { Service = "logs.${var.region}.amazonaws.com" }
      Resource  = "*"
      Action = [
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
      ]
      Condition = {
        ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = local.waf_log_group_arn }
      }
    },
  ]
}
