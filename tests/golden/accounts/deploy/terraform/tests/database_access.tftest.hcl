# Who gets which password, and that Terraform keeps none.

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

run "service_reads_its_own_credentials" {
  command = apply

  assert {
    condition = (
      local.settings.database.identity_authentication
      ? toset(one(jsondecode(aws_iam_role_policy.database.policy).Statement).Action) == toset(["rds-db:connect"])
      : toset(one(jsondecode(aws_iam_role_policy.database.policy).Statement).Resource) == toset([aws_secretsmanager_secret.database["app"].arn])
    ) && aws_iam_role_policy.database.role == aws_iam_role.workload.id
    error_message = "the pods must log in as the service, and read no other secret of the database"
  }

  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.migrate.policy).Statement :
      !contains(flatten([statement.Resource]), local.database_admin_secret_arn) if contains(statement.Action, "secretsmanager:PutSecretValue")
    ])
    error_message = "no job may write the administrator's secret"
  }

  assert {
    condition     = alltrue([for secret in values(aws_secretsmanager_secret.database) : secret.kms_key_id == aws_kms_key.service.arn && secret.recovery_window_in_days == 30])
    error_message = "secrets must be encrypted with the service's key, and a deleted one must come back for a month"
  }
}

run "jobs_have_a_role_of_their_own" {
  command = apply

  assert {
    condition = one(jsondecode(aws_iam_role.migrate.assume_role_policy).Statement).Condition == {
      StringEquals = {
        "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:eu-west-1:111122223333:cluster/main"
        "aws:RequestTag/kubernetes-namespace"       = local.settings.namespace
        "aws:RequestTag/kubernetes-service-account" = "accounts-migrate"
      }
    }
    error_message = "the role must be pinned to cluster, namespace and service account"
  }

  assert {
    condition     = aws_eks_pod_identity_association.migrate.service_account == "accounts-migrate" && aws_eks_pod_identity_association.migrate.namespace == local.settings.namespace
    error_message = "the association must name the service account of the manifests"
  }

  assert {
    condition     = length(aws_iam_role.migrate.name) <= 64 && length(aws_iam_role.database_monitoring.name) <= 64
    error_message = "IAM allows 64 characters for the name of a role"
  }
}

run "administrator_is_managed_by_one_side" {
  command = apply

  assert {
    condition     = length([for statement in jsondecode(aws_iam_role_policy.migrate.policy).Statement : statement if contains(statement.Action, "rds-db:connect") && endswith(statement.Resource[0], "/${local.database_admin_user}")]) == (local.settings.database.identity_authentication ? 1 : 0)
    error_message = "with tokens, the administrator must log in with one as well"
  }

  # RDS makes no read replica where it manages the password itself.
  assert {
    condition     = local.rds_manages_admin == (local.settings.database.replicas == 0) && length(aws_secretsmanager_secret_version.database_admin) == (local.settings.database.replicas == 0 ? 0 : 1)
    error_message = "Terraform must make the password where there are replicas, and only there"
  }

  assert {
    condition     = aws_db_instance.primary.password == null && aws_db_instance.primary.password_wo == null
    error_message = "no password may get into the state"
  }

  assert {
    condition     = output.kubernetes.database_admin_secret_arn == local.database_admin_secret_arn && output.kubernetes.database_secret_arn == aws_secretsmanager_secret.database["app"].arn
    error_message = "the manifests need the secrets"
  }
}

run "a_rotated_password_reaches_both" {
  command = apply

  variables {
    database_admin_password_version = 2
  }

  assert {
    condition     = alltrue([for secret in aws_secretsmanager_secret_version.database_admin : secret.secret_string_wo_version == 2 && aws_db_instance.primary.password_wo_version == 2])
    error_message = "server and secret must change together"
  }
}

run "without_replicas" {
  command = apply

  variables {
    environment = "dev"
  }

  assert {
    condition     = local.settings.database.replicas > 0 ? true : aws_db_instance.primary.manage_master_user_password && aws_db_instance.primary.master_user_secret_kms_key_id == aws_kms_key.service.arn
    error_message = "RDS must manage the administrator's password where it can, with the service's key"
  }
}

run "events_reach_the_topic" {
  command = apply

  assert {
    condition     = aws_db_event_subscription.database.sns_topic == aws_sns_topic.alarms.arn && contains(aws_db_event_subscription.database.event_categories, "failover")
    error_message = "a failover must be reported"
  }

  assert {
    condition     = length([for statement in jsondecode(aws_sns_topic_policy.alarms.policy).Statement : statement if statement.Principal == { Service = "events.rds.amazonaws.com" } && statement.Condition.StringEquals["aws:SourceAccount"] == "111122223333"]) == 1
    error_message = "RDS must be allowed to publish, for this account only"
  }
}

run "refuses_a_password_version_below_one" {
  command = plan

  variables {
    database_admin_password_version = 0
  }

  expect_failures = [var.database_admin_password_version]
}
