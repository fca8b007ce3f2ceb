"""Faults in the HCL of a database, its cache and its backups, on both clouds.

What only the service's own `terraform test` sees is in `data_tests_aws` and `data_tests_azure`.
"""

from __future__ import annotations

from functools import partial

from tests.generated.mutations._mutation import TERRAFORM as T
from tests.generated.mutations._mutation import Mutation

D = partial(Mutation, service="data_api")
A = partial(Mutation, service="data_api on azure")
MUTATIONS = (
    # What the provider or the configuration itself refuses.
    D(
        "static parameter at once",
        "SM302",
        f"{T}database_parameters.tf",
        '      apply_method = "pending-reboot"\n',
        "",
    ),
    D(
        "zones without a failover",
        "SM302",
        f"{T}cache.tf",
        "automatic_failover_enabled = local.settings.cache.replicas > 0",
        "automatic_failover_enabled = false",
    ),
    D(
        "password of the cache in the state",
        "SM302",
        f"{T}cache_access.tf",
        "  passwords_wo_version",
        '  passwords            = ["0123456789abcdef"]\n  passwords_wo_version',
    ),
    D(
        "copies where the database is",
        "SM302",
        f"{T}locals.tf",
        'copy_region = "eu-central-1"',
        'copy_region = "eu-west-1"',
    ),
    A("backups of five days", "SM302", f"{T}database.tf", "= local.settings.database.backup_retention\n", "= 5\n"),
    A(
        "disk that is not sold",
        "SM302",
        f"{T}database.tf",
        "local.database_disk *",
        "local.settings.database.storage *",
    ),
    A(
        "replicas of a burstable server",
        "SM302",
        f"{T}database.tf",
        "sku_name = local.settings.database.instance_class",
        'sku_name = "B_Standard_B2s"',
    ),
    A(
        "password of the administrator in the state",
        "SM302",
        f"{T}database.tf",
        "  administrator_password_wo_version",
        '  administrator_password            = "0123456789abcdefGH"\n  administrator_password_wo_version',
    ),
    A("secret in the state", "SM302", f"{T}database_credentials.tf", '"{}"\n', '"{}"\n  value            = "{}"\n'),
    # Encryption, at rest and on the way.
    D("disk in the clear", "SM310", f"{T}database.tf", "storage_encrypted     = true", "storage_encrypted     = false"),
    D(
        "logins without TLS",
        "SM310",
        f"{T}database_parameters.tf",
        '"rds.force_ssl"                     = 1',
        '"rds.force_ssl" = 0',
    ),
    D(
        "logs without the service's key",
        "SM310",
        f"{T}database_monitoring.tf",
        "  kms_key_id        = aws_kms_key.service.arn\n",
        "",
    ),
    D(
        "cache in the clear",
        "SM310",
        f"{T}cache.tf",
        'transit_encryption_enabled = true\n  transit_encryption_mode    = "required"\n',
        "transit_encryption_enabled = false\n",
    ),
    D("TLS as one likes", "SM310", f"{T}cache.tf", '= "required"', '= "preferred"'),
    A(
        "logins without TLS",
        "SM310",
        f"{T}database_parameters.tf",
        '"require_secure_transport"            = "on"',
        '"require_secure_transport"            = "off"',
    ),
    A("cache in the clear", "SM310", f"{T}cache.tf", '"Encrypted"', '"Plaintext"'),
    A("backups by old TLS", "SM310", f"{T}backup_storage.tf", '  min_tls_version                   = "TLS1_2"\n', ""),
    # Ways in.
    D("public database", "SM311", f"{T}database.tf", "publicly_accessible    = false", "publicly_accessible    = true"),
    D(
        "public replica",
        "SM311",
        f"{T}database.tf",
        "publicly_accessible    = false\n  vpc",
        "publicly_accessible    = true\n  vpc",
    ),
    D(
        "database for the world",
        "SM311",
        f"{T}database_network.tf",
        "referenced_security_group_id = each.value",
        'cidr_ipv4                    = "0.0.0.0/0"',
    ),
    D(
        "cache for the world",
        "SM311",
        f"{T}cache.tf",
        "referenced_security_group_id = each.value",
        'cidr_ipv4                    = "0.0.0.0/0"',
    ),
    D(
        "backups that may be public",
        "SM311",
        f"{T}backup_bucket.tf",
        "block_public_policy     = true",
        "block_public_policy     = false",
    ),
    A(
        "public database",
        "SM311",
        f"{T}database.tf",
        "public_network_access_enabled = false",
        "public_network_access_enabled = true",
    ),
    A(
        "public cache",
        "SM311",
        f"{T}cache.tf",
        'public_network_access = "Disabled"',
        'public_network_access = "Enabled"',
    ),
    A(
        "backups that may be public",
        "SM311",
        f"{T}backup_storage.tf",
        "allow_nested_items_to_be_public   = false",
        "allow_nested_items_to_be_public   = true",
    ),
    # One mistake, and no way back.
    D(
        "database that one destroy removes",
        "SM312",
        f"{T}database.tf",
        "deletion_protection       = local.settings.database.deletion_protection",
        "deletion_protection       = false",
    ),
    D(
        "destroy without a last snapshot",
        "SM312",
        f"{T}database.tf",
        "skip_final_snapshot       = !local.settings.database.deletion_protection",
        "skip_final_snapshot       = true",
    ),
    D(
        "bucket that one destroy empties",
        "SM312",
        f"{T}backup_bucket.tf",
        "force_destroy       = !local.settings.database.deletion_protection",
        "force_destroy       = true",
    ),
    D(
        "key of the copies gone in a week",
        "SM312",
        f"{T}backup_vault.tf",
        "deletion_window_in_days = 30",
        "deletion_window_in_days = 7",
    ),
    A("lock against changes alone", "SM312", f"{T}database.tf", '"CanNotDelete"', '"ReadOnly"'),
    A(
        "no lock",
        "SM312",
        f"{T}database.tf",
        "count = local.settings.database.deletion_protection ? 1 : 0",
        "count = 0",
    ),
    A(
        "secrets that can be purged",
        "SM312",
        f"{T}database_credentials.tf",
        "purge_protection_enabled   = true",
        "purge_protection_enabled   = false",
    ),
    D(
        "replicas of a database without backups",
        "SM313",
        f"{T}database.tf",
        "backup_retention_period   = local.settings.database.backup_retention",
        "backup_retention_period   = 0",
    ),
    # More than is needed.
    D(
        "pods read every secret",
        "SM314",
        f"{T}database_access.tf",
        'Resource = [aws_secretsmanager_secret.database["app"].arn]',
        'Resource = ["*"]',
    ),
    D(
        "jobs own their secrets",
        "SM314",
        f"{T}database_access.tf",
        '["secretsmanager:PutSecretValue"]',
        '["secretsmanager:*"]',
    ),
    D("action that does not exist", "SM314", f"{T}backup_access.tf", '"rds:CopyDBSnapshot"', '"rds:CopySnapshot"'),
    A("jobs own the account of backups", "SM314", f"{T}backup_access.tf", '"Storage Blob Data Contributor"', '"Owner"'),
)
