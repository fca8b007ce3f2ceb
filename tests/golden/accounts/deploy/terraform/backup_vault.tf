# Snapshots that outlive the database and its administrators: AWS Backup takes one a day into a vault
# that is locked, and copies it into another region where database.cross_region_backup says so. To any
# second of the last days the database is restored from RDS's own backups (database.tf); AWS Backup
# leaves those alone, or both would set their retention in turn.

locals {
  # null: no copies.
  backup_region = local.settings.backup.copy_region

  backup_vaults = merge(
    { primary = { region = var.region, key = aws_kms_key.service.arn } },
    { for region in compact([local.backup_region]) : "copy" => { region = region, key = aws_kms_key.backup_copy[region].arn } },
  )

  # In production nobody shortens the life of a backup once the lock has set, not even the account's
  # owner or AWS. Elsewhere whoever may take the lock away can.
  backup_lock_days = var.environment == "prod" ? 3 : null
}

resource "aws_backup_vault" "database" {
  for_each = local.backup_vaults

  name          = local.name
  region        = each.value.region
  kms_key_arn   = each.value.key
  force_destroy = !local.settings.database.deletion_protection
}

resource "aws_backup_vault_lock_configuration" "database" {
  for_each = local.backup_vaults

  backup_vault_name = aws_backup_vault.database[each.key].name
  region            = each.value.region

  # A floor, not the retention itself: that one may still be lowered in sm.yaml.
  min_retention_days  = min(7, local.settings.backup.retention)
  changeable_for_days = local.backup_lock_days
}

# Deleting is for the end of the retention. Copies come from this account only.
resource "aws_backup_vault_policy" "database" {
  for_each = local.backup_vaults

  backup_vault_name = aws_backup_vault.database[each.key].name
  region            = each.value.region

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyFromThisAccount"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["backup:CopyIntoBackupVault"]
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:PrincipalAccount" = var.account_id } }
      }],
      local.settings.database.deletion_protection ? [{
        Sid       = "NobodyDeletes"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"]
        Resource  = "*"
      }] : [],
    )
  })
}

resource "aws_backup_plan" "database" {
  name = local.name

  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.database["primary"].name

    # UTC. RDS takes no snapshot for AWS Backup in its own backup and maintenance windows, nor in the hour
    # before them; those end at 04:00.
    # https://docs.aws.amazon.com/aws-backup/latest/devguide/creating-a-backup-plan.html
    schedule          = "cron(0 5 * * ? *)"
    start_window      = 60  # minutes
    completion_window = 720 # minutes; the next one is due after 1,440

    lifecycle {
      delete_after = local.settings.backup.retention
    }

    dynamic "copy_action" {
      for_each = local.backup_region == null ? [] : [aws_backup_vault.database["copy"].arn]

      content {
        destination_vault_arn = copy_action.value

        lifecycle {
          delete_after = local.settings.backup.retention
        }
      }
    }
  }
}

resource "aws_backup_selection" "database" {
  name         = local.name
  plan_id      = aws_backup_plan.database.id
  iam_role_arn = aws_iam_role.aws_backup.arn
  resources    = [aws_db_instance.primary.arn]
}

# One more key where the copies are: those of this region are of no use there, and would be away with it.
resource "aws_kms_key" "backup_copy" {
  for_each = toset(compact([local.backup_region]))

  region                  = each.key
  description             = "Encrypts the copies of the backups of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.key_administration, local.backup_key_use, local.backup_copy_key_replication]
  })

  lifecycle {
    precondition {
      condition     = each.key != var.region
      error_message = "Backups would be copied to ${each.key}, where the database is: set database.backup_region in sm.yaml to a region that your data may go to."
    }
  }
}

resource "aws_kms_alias" "backup_copy" {
  for_each = aws_kms_key.backup_copy

  region        = each.key
  name          = "alias/${local.name}-backup"
  target_key_id = each.value.key_id
}

locals {
  backup_regions = compact([var.region, local.backup_region])

  # Vaults and snapshots are encrypted by grants, in the name of AWS Backup's role and of whoever restores;
  # without the cluster, that is a person who reads the bucket, too.
  # https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html
  backup_key_use = {
    Sid       = "KeepBackups"
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
        "kms:ViaService"    = flatten([for region in local.backup_regions : ["backup.${region}.amazonaws.com", "rds.${region}.amazonaws.com", "s3.${region}.amazonaws.com"]])
      }
    }
  }
}
