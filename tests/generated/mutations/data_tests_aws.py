"""Faults that only a data_api's own `terraform test` sees on AWS: file, text, replacement, who complains.

They are made all at once, and each must be reported by its own assertion (test_terraform_data).
"""

from __future__ import annotations

FAULTS = (
    # The servers.
    (
        "database.tf",
        "multi_az               = local.settings.database.high_availability",
        "multi_az               = false",
        "standby and backups are those of sm.yaml",
    ),
    (
        "database.tf",
        "!local.settings.database.deletion_protection\n  copy_tags",
        "true\n  copy_tags",
        "production must survive a wrong line in a plan",
    ),
    (
        "database.tf",
        'apply_immediately           = var.environment != "prod"',
        "apply_immediately           = true",
        "what restarts production waits for its window",
    ),
    (
        "database.tf",
        "= var.allow_major_database_upgrade",
        "= true",
        "a major version needs somebody who says so",
    ),
    (
        "database.tf",
        "aws_db_parameter_group.replica.name",
        "aws_db_parameter_group.primary.name",
        "each server must have the parameters of its part",
    ),
    (
        "database.tf",
        "  performance_insights_kms_key_id       = aws_kms_key.service.arn\n",
        "",
        "the database must be encrypted with the service's key",
    ),
    (
        "database_parameters.tf",
        '"rds.force_ssl"                     = 1',
        '"rds.force_ssl" = 0',
        "nobody may log in without TLS",
    ),
    (
        "database_parameters.tf",
        "max_connections = local.settings.database.max_connections",
        "max_connections = 100",
        "servers must allow the connections that sm.yaml's budget counts on",
    ),
    (
        "database_parameters.tf",
        "1000 * local.settings.database.max_replica_lag",
        "local.settings.database.max_replica_lag",
        "a query must not hold a replica back for longer than it may lag",
    ),
    (
        "database_parameters.tf",
        '"postgres${local.settings.database.version}"',
        '"postgres16"',
        "server and parameters must be of one major version",
    ),
    (
        "database_network.tf",
        "to_port                      = local.database_port",
        "to_port = 65535",
        "they must reach PostgreSQL's port",
    ),
    (
        "database.tf",
        "contains(local.database_trusted_regions, var.region)",
        'var.region != ""',
        "tests/database.tftest.hcl: Missing expected failure",
    ),
    # Who may what.
    (
        "database_access.tf",
        'Resource = [aws_secretsmanager_secret.database["app"].arn]',
        "Resource = [local.database_admin_secret_arn]",
        "the pods must log in as the service, and read no other secret",
    ),
    (
        "database_access.tf",
        "Resource = [for secret in aws_secretsmanager_secret.database : secret.arn]",
        "Resource = [local.database_admin_secret_arn]",
        "no job may write the administrator's secret",
    ),
    (
        "database_access.tf",
        '"aws:RequestTag/kubernetes-service-account" = "${local.service}-migrate"',
        '"aws:RequestTag/kubernetes-service-account" = local.service',
        "the role must be pinned to cluster, namespace and service account",
    ),
    (
        "database_access.tf",
        'service_account = "${local.service}-migrate"',
        "service_account = local.service",
        "the association must name the service account of the manifests",
    ),
    (
        "database_credentials.tf",
        "local.settings.database.deletion_protection ? 30 : 0",
        "local.settings.database.deletion_protection ? 7 : 0",
        "a deleted one must come back for a month",
    ),
    (
        "database_credentials.tf",
        "secret_string_wo_version = var.database_admin_password_version",
        "secret_string_wo_version = 1",
        "server and secret must change together",
    ),
    # Who is told.
    (
        "database_alarms.tf",
        "floor(0.8 * local.settings.database.max_connections)",
        "floor(1.2 * local.settings.database.max_connections)",
        "the alarm must come before logins are refused",
    ),
    (
        "database_alarms.tf",
        "alarm_actions       = local.alarm_actions",
        "alarm_actions       = []",
        "every alarm must watch a server that exists, be allowed to publish, and do it",
    ),
    (
        "database_alarms.tf",
        "max(6 * local.settings.database.max_replica_lag, 600)",
        "1",
        "the service's own limit must come before the alarm",
    ),
    ("database_monitoring.tf", '    "failover",\n', "", "a failover must be reported"),
    (
        "database_monitoring.tf",
        "retention_in_days = local.settings.log_retention",
        "retention_in_days = 0",
        "the servers' logs must be encrypted and not be kept for ever",
    ),
    # The cache.
    ("cache.tf", '= "required"', '= "preferred"', "nobody may connect without TLS"),
    ("cache.tf", '"allkeys-lru"', '"noeviction"', "a full cache must make room instead of refusing writes"),
    (
        "cache.tf",
        "multi_az_enabled           = local.settings.cache.replicas > 0",
        "multi_az_enabled = false",
        "a replica must take over by itself",
    ),
    (
        "cache.tf",
        "to_port                      = local.cache_port",
        "to_port = 65535",
        "the nodes of the cluster must reach Valkey's port",
    ),
    ("cache_access.tf", " -@admin -@dangerous", "", "the service must not be able to empty or change the cache"),
    (
        "cache_access.tf",
        "secret_string_wo_version = var.cache_password_version",
        "secret_string_wo_version = 1",
        "user and secret must change together",
    ),
    (
        "cache_alarms.tf",
        "CacheClusterId = each.value.node",
        "CacheClusterId = local.name",
        "every node must be watched",
    ),
    (
        "cache_alarms.tf",
        'startswith(local.settings.cache.node_type, "cache.t")',
        "false",
        "a node that lives on credits must say when they run out",
    ),
    (
        "database_alarms.tf",
        "try(each.value.period, 60)\n\n",
        "60\n\n",
        "alarms must look at whole minutes that are reported",
    ),
    # Backups.
    ("backup_vault.tf", 'var.environment == "prod" ? 3 : null', "null", "nobody may take production's lock away"),
    ("backup_vault.tf", '"backup:DeleteRecoveryPoint", ', "", "no role may delete a recovery point"),
    (
        "backup_vault.tf",
        'local.backup_region == null ? [] : [aws_backup_vault.database["copy"].arn]',
        "[]",
        "the plan must copy, and keep what sm.yaml says",
    ),
    ("backup_vault.tf", "  region        = each.value.region\n", "", "the copy must lie in another region"),
    (
        "backup_bucket.tf",
        '"COMPLIANCE"',
        '"GOVERNANCE"',
        "nobody may delete a logical backup of production before its time",
    ),
    (
        "backup_bucket.tf",
        "= !local.settings.database.deletion_protection",
        "= true",
        "a destroy must stop at what holds backups",
    ),
    (
        "backup_bucket.tf",
        "local.backup_vaults[each.key].key",
        "null",
        "backups must be encrypted with the key of their region",
    ),
    ("backup_replication.tf", "toset(compact([local.backup_region]))", "toset([])", "logical backups must follow"),
    (
        "backup_access.tf",
        '"s3:PutObject"',
        '"s3:PutObject", "s3:DeleteObject"',
        "the jobs must not be able to delete a backup",
    ),
    (
        "backup_access.tf",
        'Resource = [aws_secretsmanager_secret.database["backup"].arn]',
        "Resource = [local.database_admin_secret_arn]",
        "who backs up must not be able to become the administrator",
    ),
    (
        "backup_access.tf",
        "role = aws_iam_role.migrate.id",
        "role = aws_iam_role.backup.id",
        "who restores must be able to read backups",
    ),
    (
        "encryption.tf",
        'Sid       = "ReadBackupsForRestore"\n      Effect    = "Allow"',
        'Sid       = "ReadBackupsForRestore"\n      Effect    = "Deny"',
        "who restores must be able to decrypt backups",
    ),
    (
        "backup_access.tf",
        'service_account = "${local.service}-backup"',
        "service_account = local.service",
        "the role must be pinned to the service account of the jobs",
    ),
    ("backup_alarms.tf", '"breaching"', '"notBreaching"', "a backup that is not made at all must be reported"),
)
