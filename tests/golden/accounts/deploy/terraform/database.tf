# PostgreSQL on RDS: one primary, a standby in another zone where database.high_availability says so,
# and read replicas. Sizes are those of sm.yaml.

locals {
  # The name that RDS, metrics and log groups know each server by.
  database_instances = merge(
    { primary = local.name },
    { for number in range(1, local.settings.database.replicas + 1) : "replica-${number}" => "${local.name}-replica-${number}" },
  )

  database_port = 5432

  # Whose authority the service trusts, because it is in database/authorities.pem below src: each region
  # of RDS has its own. tests/test_database_authorities.py keeps the two together.
  database_trusted_regions = [
    "af-south-1",
    "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
    "ca-central-1",
    "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
    "eu-west-1", "eu-west-2", "eu-west-3",
    "me-central-1", "me-south-1",
    "sa-east-1",
    "us-east-1", "us-east-2", "us-west-1", "us-west-2",
  ]
  database_truststore = startswith(var.region, "us-gov-") ? "truststore.pki.us-gov-west-1.rds.amazonaws.com" : "truststore.pki.rds.amazonaws.com"

  # UTC. Backup first, maintenance an hour after it has ended, and production after everybody else:
  # a minor version that breaks something breaks staging on Wednesday, not production on Sunday.
  database_backup_window      = "01:00-01:30"
  database_maintenance_window = var.environment == "prod" ? "sun:03:00-sun:04:00" : "wed:03:00-wed:04:00"
}

# For the name of the last snapshot: an environment that is destroyed a second time finds the first one there.
resource "terraform_data" "database" {}

#trivy:ignore:AVD-AWS-0176 passwords or tokens: database.authentication in sm.yaml decides
#trivy:ignore:AVD-AWS-0177 database.deletion_protection in sm.yaml decides; production without it is refused
resource "aws_db_instance" "primary" {
  #checkov:skip=CKV_AWS_157:A standby in another zone is database.high_availability in sm.yaml; it is on in production, and development does without.
  #checkov:skip=CKV_AWS_161:Tokens of IAM instead of passwords are database.authentication in sm.yaml; the passwords of the default are rotated by a job.
  #checkov:skip=CKV_AWS_293:Deletion protection is database.deletion_protection in sm.yaml; production without it is refused.
  identifier     = local.name
  engine         = "postgres"
  engine_version = local.settings.database.version # the major one; RDS chooses the minor
  instance_class = local.settings.database.instance_class
  db_name        = local.database_name
  port           = local.database_port

  username                      = local.database_admin_user
  manage_master_user_password   = local.rds_manages_admin ? true : null # RDS takes true or nothing
  master_user_secret_kms_key_id = local.rds_manages_admin ? aws_kms_key.service.arn : null
  password_wo                   = local.rds_manages_admin ? null : ephemeral.random_password.database_admin[0].result
  password_wo_version           = local.rds_manages_admin ? null : var.database_admin_password_version

  iam_database_authentication_enabled = local.settings.database.identity_authentication

  # Grows by itself to twice the size, then the alarm asks somebody to look. It never shrinks.
  storage_type          = "gp3"
  allocated_storage     = local.settings.database.storage
  max_allocated_storage = 2 * local.settings.database.storage
  storage_encrypted     = true
  kms_key_id            = aws_kms_key.service.arn

  multi_az               = local.settings.database.high_availability
  publicly_accessible    = false
  db_subnet_group_name   = aws_db_subnet_group.database.name
  vpc_security_group_ids = [aws_security_group.database.id]
  ca_cert_identifier     = "rds-ca-rsa2048-g1"
  parameter_group_name   = aws_db_parameter_group.primary.name

  backup_retention_period   = local.settings.database.backup_retention
  backup_window             = local.database_backup_window
  delete_automated_backups  = !local.settings.database.deletion_protection
  copy_tags_to_snapshot     = true
  deletion_protection       = local.settings.database.deletion_protection
  skip_final_snapshot       = !local.settings.database.deletion_protection
  final_snapshot_identifier = "${local.name}-final-${substr(terraform_data.database.id, 0, 8)}"

  # Minor versions bring fixes of security in their window. What needs a restart waits for the window
  # in production, and happens at once where nobody is surprised. So does a major version: Terraform
  # removes the parameters of the old one in the same apply.
  maintenance_window          = local.database_maintenance_window
  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = var.allow_major_database_upgrade
  apply_immediately           = var.environment != "prod" || var.allow_major_database_upgrade

  database_insights_mode                = "standard"
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = aws_kms_key.service.arn
  performance_insights_retention_period = 7 # days, the ones that cost nothing
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.database_monitoring.arn
  enabled_cloudwatch_logs_exports       = local.database_logs

  lifecycle {
    precondition {
      condition     = contains(local.database_trusted_regions, var.region)
      error_message = "The service does not trust servers of RDS in ${var.region} yet. Add `Amazon RDS ${var.region} Root CA RSA2048 G1` of https://${local.database_truststore}/${var.region}/${var.region}-bundle.pem to database/authorities.pem below src, and the region to database_trusted_regions."
    }
  }

  # RDS would make log groups of its own, without a key and kept for ever.
  depends_on = [aws_cloudwatch_log_group.database, aws_iam_role_policy_attachment.database_monitoring]
}

#trivy:ignore:AVD-AWS-0176 it takes the logins of the primary
#trivy:ignore:AVD-AWS-0177 it holds nothing that the primary does not hold
resource "aws_db_instance" "replica" {
  #checkov:skip=CKV_AWS_133:Backups are taken of the primary; a replica is made again from it.
  #checkov:skip=CKV_AWS_157:Another replica or the primary takes the reads of one that is away.
  #checkov:skip=CKV_AWS_161:As for the primary, database.authentication in sm.yaml decides.
  #checkov:skip=CKV_AWS_293:A replica holds nothing that the primary does not hold.
  for_each = { for key, identifier in local.database_instances : key => identifier if key != "primary" }

  identifier          = each.value
  replicate_source_db = aws_db_instance.primary.identifier
  instance_class      = local.settings.database.instance_class
  port                = local.database_port

  iam_database_authentication_enabled = local.settings.database.identity_authentication

  storage_type          = "gp3"
  max_allocated_storage = 2 * local.settings.database.storage
  storage_encrypted     = true # with the key of the primary

  publicly_accessible    = false
  vpc_security_group_ids = [aws_security_group.database.id]
  ca_cert_identifier     = "rds-ca-rsa2048-g1"
  parameter_group_name   = aws_db_parameter_group.replica.name

  backup_retention_period = 0
  copy_tags_to_snapshot   = true
  skip_final_snapshot     = true

  maintenance_window         = local.database_maintenance_window
  auto_minor_version_upgrade = true
  apply_immediately          = var.environment != "prod"

  database_insights_mode                = "standard"
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = aws_kms_key.service.arn
  performance_insights_retention_period = 7
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.database_monitoring.arn
  enabled_cloudwatch_logs_exports       = local.database_logs

  depends_on = [aws_cloudwatch_log_group.database, aws_iam_role_policy_attachment.database_monitoring]
}
