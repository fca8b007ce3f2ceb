# Logical backups, in a bucket in which nothing can be overwritten or deleted before its time, and in
# another region as well where database.cross_region_backup says so. They help where a snapshot does
# not: for one table, on another version, outside AWS.

locals {
  # Unique among all buckets of AWS, and at most 63 characters.
  backup_bucket = "${local.name}-backup-${substr(sha256("${var.account_id}/${var.region}"), 0, 6)}"

  backup_buckets = merge(
    { primary = { name = local.backup_bucket, region = var.region } },
    { for region in compact([local.backup_region]) : "copy" => { name = "${local.backup_bucket}-copy", region = region } },
  )
}

#trivy:ignore:AVD-AWS-0089 access is logged by CloudTrail
resource "aws_s3_bucket" "backup" {
  #checkov:skip=CKV_AWS_18:Who read or wrote an object is in CloudTrail's data events, for the account as a whole; a second log would need a bucket without a lock.
  #checkov:skip=CKV2_AWS_62:Nobody waits for a new backup; one that is missing is an alert.
  #checkov:skip=CKV_AWS_144:Replication is database.cross_region_backup in sm.yaml; the copy is the second bucket of this resource.
  for_each = local.backup_buckets

  bucket              = each.value.name
  region              = each.value.region
  object_lock_enabled = true
  force_destroy       = !local.settings.database.deletion_protection
}

resource "aws_s3_bucket_versioning" "backup" {
  for_each = local.backup_buckets

  bucket = aws_s3_bucket.backup[each.key].id
  region = each.value.region

  versioning_configuration {
    status = "Enabled"
  }
}

# Production: nobody deletes before the time, not even the account's owner. Elsewhere whoever has
# s3:BypassGovernanceRetention, such as an administrator who gives up an environment.
resource "aws_s3_bucket_object_lock_configuration" "backup" {
  for_each = local.backup_buckets

  bucket = aws_s3_bucket.backup[each.key].id
  region = each.value.region

  rule {
    default_retention {
      mode = var.environment == "prod" ? "COMPLIANCE" : "GOVERNANCE"
      days = local.settings.backup.retention
    }
  }

  depends_on = [aws_s3_bucket_versioning.backup]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backup" {
  for_each = local.backup_buckets

  bucket = aws_s3_bucket.backup[each.key].id
  region = each.value.region

  rule {
    bucket_key_enabled = true # one call to KMS for many objects

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.backup_vaults[each.key].key
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "backup" {
  for_each = local.backup_buckets

  bucket = aws_s3_bucket.backup[each.key].id
  region = each.value.region

  # A day after the lock: what expires becomes an old version, which goes the next day.
  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = local.settings.backup.retention
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.backup]
}

resource "aws_s3_bucket_ownership_controls" "backup" {
  for_each = local.backup_buckets

  bucket = aws_s3_bucket.backup[each.key].id
  region = each.value.region

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "backup" {
  for_each = local.backup_buckets

  bucket                  = aws_s3_bucket.backup[each.key].id
  region                  = each.value.region
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "backup" {
  for_each = local.backup_buckets

  bucket = aws_s3_bucket.backup[each.key].id
  region = each.value.region

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyWithTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.backup[each.key].arn, "${aws_s3_bucket.backup[each.key].arn}/*"]
      Condition = {
        Bool = { "aws:SecureTransport" = "false" }
      }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.backup]
}
