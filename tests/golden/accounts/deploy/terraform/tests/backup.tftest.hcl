# Backups that nobody deletes, and that are made.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  environment  = "prod"
  account_id   = "111122223333"
  cluster_name = "main"
  alarm_emails = ["on-call@example.com"]

  data_subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
}

override_resource {
  target = aws_secretsmanager_secret.database
  values = { arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:login-abcdef" }
}

override_resource {
  target = aws_secretsmanager_secret.database_admin
  values = { arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:admin-abcdef" }
}

run "locked_in_production" {
  command = apply

  assert {
    condition     = alltrue([for lock in values(aws_backup_vault_lock_configuration.database) : lock.changeable_for_days == 3 && lock.min_retention_days <= min([for rule in aws_backup_plan.database.rule : one(rule.lifecycle).delete_after]...)])
    error_message = "nobody may take production's lock away, and it must let the plan's retention through"
  }

  assert {
    condition = alltrue([for lock in values(aws_s3_bucket_object_lock_configuration.backup) :
      one(one(lock.rule).default_retention).mode == "COMPLIANCE" && one(one(lock.rule).default_retention).days == local.settings.backup.retention
    ])
    error_message = "nobody may delete a logical backup of production before its time"
  }

  assert {
    condition     = alltrue([for vault in values(aws_backup_vault.database) : !vault.force_destroy]) && alltrue([for bucket in values(aws_s3_bucket.backup) : !bucket.force_destroy])
    error_message = "a destroy must stop at what holds backups"
  }

  assert {
    condition = alltrue([for policy in values(aws_backup_vault_policy.database) :
      anytrue([for statement in jsondecode(policy.policy).Statement : statement.Effect == "Deny" && contains(statement.Action, "backup:DeleteRecoveryPoint")])
    ])
    error_message = "no role may delete a recovery point"
  }
}

run "copied_into_another_region" {
  command = apply

  assert {
    condition     = contains(keys(aws_backup_vault.database), "copy") == (local.settings.backup.copy_region != null) && length(aws_s3_bucket.backup) == (local.settings.backup.copy_region != null ? 2 : 1)
    error_message = "copies must be made where sm.yaml says so, and only there"
  }

  assert {
    condition     = alltrue([for key, vault in aws_backup_vault.database : (key == "copy") == (vault.region != "eu-west-1")])
    error_message = "the copy must lie in another region, everything else in this one"
  }

  assert {
    condition     = alltrue([for rule in aws_backup_plan.database.rule : length(rule.copy_action) == (local.settings.backup.copy_region != null ? 1 : 0) && one(rule.lifecycle).delete_after == local.settings.backup.retention])
    error_message = "the plan must copy, and keep what sm.yaml says"
  }

  assert {
    condition     = length(aws_s3_bucket_replication_configuration.backup) == (local.settings.backup.copy_region != null ? 1 : 0)
    error_message = "logical backups must follow"
  }
}

run "only_this_database_and_only_these_jobs" {
  command = apply

  assert {
    condition     = aws_backup_selection.database.resources == toset([aws_db_instance.primary.arn])
    error_message = "the plan must back up the primary"
  }

  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_role_policy.backup.policy).Statement : statement.Resource if contains(statement.Action, "secretsmanager:GetSecretValue")]) == [aws_secretsmanager_secret.database["backup"].arn] && aws_secretsmanager_secret.database["backup"].arn != local.database_admin_secret_arn
    error_message = "who backs up must not be able to become the administrator"
  }

  assert {
    condition     = aws_iam_role_policy.restore.role == aws_iam_role.migrate.id && toset(flatten([for statement in jsondecode(aws_iam_role_policy.restore.policy).Statement : statement.Action])) == toset(["s3:GetObject", "s3:ListBucket"])
    error_message = "who restores must be able to read backups, and nothing else of them"
  }

  assert {
    condition     = length([for user in local.key_users : user if user.Sid == "ReadBackupsForRestore" && user.Effect == "Allow" && user.Action == ["kms:Decrypt"] && user.Principal == { AWS = aws_iam_role.migrate.arn }]) == 1
    error_message = "who restores must be able to decrypt backups"
  }

  assert {
    condition     = !strcontains(jsonencode([for statement in jsondecode(aws_iam_role_policy.backup.policy).Statement : statement.Action]), "Delete")
    error_message = "the jobs must not be able to delete a backup"
  }

  assert {
    condition     = one(jsondecode(aws_iam_role.backup.assume_role_policy).Statement).Condition.StringEquals["aws:RequestTag/kubernetes-service-account"] == "accounts-backup" && aws_eks_pod_identity_association.backup.service_account == "accounts-backup"
    error_message = "the role must be pinned to the service account of the jobs"
  }

  assert {
    condition     = alltrue([for bucket in values(aws_s3_bucket.backup) : length(bucket.bucket) <= 63 && bucket.object_lock_enabled])
    error_message = "S3 allows 63 characters for the name of a bucket, and a lock from its beginning only"
  }

  assert {
    condition     = alltrue([for key, encryption in aws_s3_bucket_server_side_encryption_configuration.backup : one(one(encryption.rule).apply_server_side_encryption_by_default).kms_master_key_id == local.backup_vaults[key].key])
    error_message = "backups must be encrypted with the key of their region"
  }

  assert {
    condition     = startswith(output.kubernetes.backup_target, "s3://${aws_s3_bucket.backup["primary"].bucket}/")
    error_message = "the jobs must be told of the bucket"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.no_backup.treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.no_backup.alarm_actions == toset([aws_sns_topic.alarms.arn])
    error_message = "a backup that is not made at all must be reported"
  }
}

run "can_be_removed_outside_production" {
  command = apply

  variables {
    environment = "dev"
  }

  assert {
    condition     = alltrue([for lock in values(aws_backup_vault_lock_configuration.database) : lock.changeable_for_days == null]) && alltrue([for lock in values(aws_s3_bucket_object_lock_configuration.backup) : one(one(lock.rule).default_retention).mode == "GOVERNANCE"])
    error_message = "an administrator must be able to give up an environment"
  }
}

run "refuses_copies_where_the_database_is" {
  command = plan

  variables {
    region = "eu-central-1"
  }

  expect_failures = [aws_kms_key.backup_copy]
}
