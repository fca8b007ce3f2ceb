# Every logical backup goes to the bucket of the other region within minutes. What is deleted or expires
# here stays there until its own time.

resource "aws_s3_bucket_replication_configuration" "backup" {
  for_each = toset(compact([local.backup_region]))

  bucket = aws_s3_bucket.backup["primary"].id
  role   = aws_iam_role.backup_replication[each.key].arn

  rule {
    id     = "copy"
    status = "Enabled"

    filter {}

    delete_marker_replication {
      status = "Disabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = aws_s3_bucket.backup["copy"].arn
      storage_class = "STANDARD_IA" # read in a disaster only; kept for 30 days at least anyway

      encryption_configuration {
        replica_kms_key_id = aws_kms_key.backup_copy[each.key].arn
      }

      # Metrics by which the alarm on failed copies works.
      metrics {
        status = "Enabled"
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.backup]
}

resource "aws_iam_role" "backup_replication" {
  for_each = toset(compact([local.backup_region]))

  name                 = "${local.name}-replication"
  description          = "S3 copies the logical backups of ${local.service} in ${var.environment} to ${each.key}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyForThisBucket"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnEquals    = { "aws:SourceArn" = aws_s3_bucket.backup["primary"].arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "backup_replication" {
  for_each = aws_iam_role.backup_replication

  name = "replication"
  role = each.value.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "KnowWhatToCopy"
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = aws_s3_bucket.backup["primary"].arn
      },
      {
        Sid    = "ReadBackups"
        Effect = "Allow"
        Action = [
          "s3:GetObjectLegalHold",
          "s3:GetObjectRetention",
          "s3:GetObjectVersionAcl",
          "s3:GetObjectVersionForReplication",
          "s3:GetObjectVersionTagging",
        ]
        Resource = "${aws_s3_bucket.backup["primary"].arn}/*"
      },
      {
        Sid      = "WriteCopies"
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = "${aws_s3_bucket.backup["copy"].arn}/*"
      },
    ]
  })
}

locals {
  # S3 reads with the key of this region and writes with the one of the other.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
  backup_copy_key_replication = {
    Sid       = "EncryptCopies"
    Effect    = "Allow"
    Principal = { AWS = [for role in aws_iam_role.backup_replication : role.arn] }
    Resource  = "*"
    Action    = ["kms:Encrypt", "kms:GenerateDataKey"]
    Condition = {
      StringEquals = { "kms:ViaService" = [for region in compact([local.backup_region]) : "s3.${region}.amazonaws.com"] }
    }
  }
}
