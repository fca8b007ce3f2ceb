# Passwords of the database. None of them is ever in Terraform's state: those of the logins are made
# by `database-roles` and `rotate-credentials` inside the cluster, the administrator's by RDS or as an
# ephemeral value.

locals {
  database_name       = local.settings.database.name
  database_admin_user = "${local.database_name}_admin"

  # RDS makes no read replica of a PostgreSQL server whose administrator's password it manages itself.
  # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html (limitations)
  rds_manages_admin = local.settings.database.replicas == 0

  database_admin_secret_arn = (
    local.rds_manages_admin
    ? aws_db_instance.primary.master_user_secret[0].secret_arn
    : aws_secretsmanager_secret.database_admin.arn
  )

  # Who logs in, and which secret of it the pods read. `database-roles` fills them.
  database_logins = {
    app      = "Login of the service, one of two that alternate"
    migrator = "Login of the migrations, owner of the schema"
    backup   = "Login of the backups, which reads everything"
  }

  # As protected as the database: an environment that is made and destroyed every week would find its
  # secrets still being deleted.
  secret_recovery_days = local.settings.database.deletion_protection ? 30 : 0
}

resource "aws_secretsmanager_secret" "database" {
  #checkov:skip=CKV2_AWS_57:The CronJob rotate-credentials rotates them from inside the cluster; a Lambda function in the VPC would do the same with one more thing to run.
  for_each = local.database_logins

  name                    = "${local.name}/database-${each.key}"
  description             = each.value
  kms_key_id              = aws_kms_key.service.arn
  recovery_window_in_days = local.secret_recovery_days
}

# There with and without replicas, filled with replicas alone: one that was deleted keeps its name for a
# month, and the administrator's password could not be kept when replicas come back before that.
resource "aws_secretsmanager_secret" "database_admin" {
  #checkov:skip=CKV2_AWS_57:Raising database_admin_password_version rotates it; only the jobs that make roles use it.
  name                    = "${local.name}/database-admin"
  description             = "Administrator of the database, for the jobs that make roles"
  kms_key_id              = aws_kms_key.service.arn
  recovery_window_in_days = local.secret_recovery_days
}

ephemeral "random_password" "database_admin" {
  count = local.rds_manages_admin ? 0 : 1

  length  = 40
  special = false # RDS takes no / " or @; 40 letters and digits are 238 bits
}

# After the server: what fails is making a server, and the next run makes up another password.
resource "aws_secretsmanager_secret_version" "database_admin" {
  count = local.rds_manages_admin ? 0 : 1

  secret_id                = aws_secretsmanager_secret.database_admin.id
  secret_string_wo_version = var.database_admin_password_version
  secret_string_wo = jsonencode({
    username = local.database_admin_user
    password = ephemeral.random_password.database_admin[0].result
  })

  depends_on = [aws_db_instance.primary]
}
