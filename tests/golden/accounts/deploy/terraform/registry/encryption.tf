data "aws_partition" "current" {}

resource "aws_kms_key" "registry" {
  description             = "Encrypts container images of ${local.service}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
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
      },
      {
        # ECR works with grants that it creates for whoever creates the repository; pushing
        # and pulling then need no permission on the key.
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
        Sid       = "UseThroughEcr"
        Effect    = "Allow"
        Principal = { AWS = local.account_root_arn }
        Resource  = "*"
        Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:RetireGrant"]
        Condition = {
          StringEquals = {
            "kms:CallerAccount" = var.account_id
            "kms:ViaService"    = "ecr.${var.region}.amazonaws.com"
          }
        }
      },
    ]
  })
}

resource "aws_kms_alias" "registry" {
  name          = "alias/${local.service}-registry"
  target_key_id = aws_kms_key.registry.key_id
}

locals {
  account_root_arn = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"
}
