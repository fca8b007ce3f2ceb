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
  # Databases, caches and their secrets are made in the name of whoever runs Terraform, so there the
  # services named in kms:ViaService do it for whom an IAM policy allows it; each says so.
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

  # Some take part only when sm.yaml asks for it: an empty list then, which flatten leaves out.
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
    {
      # RDS keeps storage, snapshots and Performance Insights encrypted by grants, which it makes in the
      # name of whoever runs Terraform or restores.
      # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html
      Sid       = "MakeDatabase"
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
          "kms:ViaService"    = "rds.${var.region}.amazonaws.com"
        }
      }
    },
    {
      # Logs of the servers, and no other log group.
      Sid       = "EncryptDatabaseLogs"
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
        ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = local.database_log_group_arns }
      }
    },
    {
      # Events of RDS go to the encrypted topic, whose policy says which.
      # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.GrantingPermissions.html
      Sid       = "EncryptNotificationsOfDatabase"
      Effect    = "Allow"
      Principal = { Service = "events.rds.amazonaws.com" }
      Resource  = "*"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    },
    {
      # Terraform and RDS make the administrator's secret; the pods read and write those of the logins.
      # Which secret whose is, their own policies say.
      # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
      Sid       = "MakeDatabaseSecrets"
      Effect    = "Allow"
      Principal = { AWS = local.account_root_arn }
      Resource  = "*"
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
      Condition = {
        StringEquals = {
          "kms:CallerAccount" = var.account_id
          "kms:ViaService"    = "secretsmanager.${var.region}.amazonaws.com"
        }
      }
    },
    {
      Sid       = "ReadDatabaseSecrets"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.workload.arn }
      Resource  = "*"
      Action    = ["kms:Decrypt"]
      Condition = {
        StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" }
      }
    },
    {
      Sid       = "WriteDatabaseSecrets"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.migrate.arn }
      Resource  = "*"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Condition = {
        StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" }
      }
    },
    {
      # ElastiCache keeps entries and snapshots encrypted by grants, made in the name of whoever runs
      # Terraform, who fills the secret as well.
      # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/at-rest-encryption.html
      Sid       = "MakeCache"
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
          "kms:ViaService"    = ["elasticache.${var.region}.amazonaws.com", "secretsmanager.${var.region}.amazonaws.com"]
        }
      }
    },
    {
      Sid       = "ReadCacheSecret"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.workload.arn }
      Resource  = "*"
      Action    = ["kms:Decrypt"]
      Condition = {
        StringEquals = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" }
      }
    },
    {
      # Logs of the cache, and no other log group.
      Sid       = "EncryptCacheLogs"
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
        ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = local.cache_log_group_arns }
      }
    },
    local.backup_key_use,
    {
      # The jobs that back up: their credentials, and the bucket.
      Sid       = "WriteBackups"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.backup.arn }
      Resource  = "*"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Condition = {
        StringEquals = { "kms:ViaService" = ["s3.${var.region}.amazonaws.com", "secretsmanager.${var.region}.amazonaws.com"] }
      }
    },
    {
      # And those who restore.
      Sid       = "ReadBackupsForRestore"
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.migrate.arn }
      Resource  = "*"
      Action    = ["kms:Decrypt"]
      Condition = {
        StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" }
      }
    },
    [for role in aws_iam_role.backup_replication : {
      # S3 reads what it copies into the other region.
      Sid       = "ReadBackupsForCopies"
      Effect    = "Allow"
      Principal = { AWS = role.arn }
      Resource  = "*"
      Action    = ["kms:Decrypt"]
      Condition = {
        StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" }
      }
    }],
  ])
}
