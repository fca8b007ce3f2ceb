"""Rules of the aws provider for databases, caches, backups and buckets, each with the page that states it."""

from collections.abc import Iterator
from typing import Any

from .messages import Complaint
from .rules import Relation, Rule, between, conflicting, json_document, longest, matching, needs, one_of
from .values import Config, is_known

_DOCS = "https://docs.aws.amazon.com"
_BACKUP_PLAN = f"{_DOCS}/aws-backup/latest/devguide/API_BackupRule.html"
_BUCKET = f"{_DOCS}/AmazonS3/latest/userguide/bucketnamingrules.html"
_CACHE = f"{_DOCS}/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html"
_CACHE_MULTI_AZ = f"{_DOCS}/AmazonElastiCache/latest/dg/AutoFailover.html"
_CACHE_LOGS = f"{_DOCS}/AmazonElastiCache/latest/APIReference/API_LogDeliveryConfigurationRequest.html"
_CACHE_PARAMETERS = f"{_DOCS}/AmazonElastiCache/latest/APIReference/API_CreateCacheParameterGroup.html"
_CACHE_USER = f"{_DOCS}/AmazonElastiCache/latest/APIReference/API_CreateUser.html"
_CACHE_USER_GROUP = f"{_DOCS}/AmazonElastiCache/latest/APIReference/API_CreateUserGroup.html"
_EVENTS = f"{_DOCS}/AmazonRDS/latest/UserGuide/USER_Events.Messages.html"
_LIFECYCLE = f"{_DOCS}/AmazonS3/latest/API/API_LifecycleRule.html"
_OBJECT_LOCK = f"{_DOCS}/AmazonS3/latest/API/API_DefaultRetention.html"
_OWNERSHIP = f"{_DOCS}/AmazonS3/latest/API/API_OwnershipControlsRule.html"
_PARAMETERS = f"{_DOCS}/AmazonRDS/latest/APIReference/API_CreateDBParameterGroup.html"
_PARAMETER = f"{_DOCS}/AmazonRDS/latest/APIReference/API_Parameter.html"
_PROXY = f"{_DOCS}/AmazonRDS/latest/APIReference/API_CreateDBProxy.html"
_PROXY_POOL = f"{_DOCS}/AmazonRDS/latest/APIReference/API_ConnectionPoolConfiguration.html"
_RULE = f"{_DOCS}/AWSEC2/latest/APIReference/API_IpPermission.html"
_SECRET = f"{_DOCS}/secretsmanager/latest/apireference/API_CreateSecret.html"
_SECRET_DELETE = f"{_DOCS}/secretsmanager/latest/apireference/API_DeleteSecret.html"
_SECURITY_GROUP = f"{_DOCS}/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html"
_SSE = f"{_DOCS}/AmazonS3/latest/API/API_ServerSideEncryptionByDefault.html"
_SUBNETS = f"{_DOCS}/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html"
_VAULT = f"{_DOCS}/aws-backup/latest/devguide/API_CreateBackupVault.html"
_VAULT_LOCK = f"{_DOCS}/aws-backup/latest/devguide/API_PutBackupVaultLockConfiguration.html"
_VERSIONING = f"{_DOCS}/AmazonS3/latest/API/API_VersioningConfiguration.html"

_CACHE_ID = matching(r"(?=.{1,40}$)[a-z](-?[a-z0-9])*", "1 to 40 lower-case letters, digits and single hyphens")
_KMS = matching(r"arn:aws[a-z-]*:kms:.+", "an ARN of kms")
_CATEGORIES = (
    *("availability", "backup", "configuration change", "creation", "deletion", "failover", "failure"),
    *("low storage", "maintenance", "notification", "read replica", "recovery", "restoration", "security"),
    "security patching",
)

RULES: tuple[Rule, ...] = (
    Rule("aws_backup_plan", "name", matching(r"[A-Za-z0-9_.-]{1,50}", "1 to 50 of A-Z a-z 0-9 _.-"), _BACKUP_PLAN),
    Rule(
        "aws_backup_plan", "rule.schedule", matching(r"cron\(.+\)|rate\(.+\)", "like cron(0 5 * * ? *)"), _BACKUP_PLAN
    ),
    Rule("aws_backup_plan", "rule.start_window", between(60, 50400), _BACKUP_PLAN),
    Rule("aws_backup_selection", "name", matching(r"[A-Za-z0-9_.-]{1,50}", "1 to 50 of A-Z a-z 0-9 _.-"), _BACKUP_PLAN),
    Rule("aws_backup_vault", "name", matching(r"[A-Za-z0-9_-]{2,50}", "2 to 50 of A-Z a-z 0-9 _-"), _VAULT),
    Rule("aws_backup_vault", "kms_key_arn", _KMS, _VAULT),
    Rule("aws_backup_vault_lock_configuration", "changeable_for_days", between(3, 36500), _VAULT_LOCK),
    Rule("aws_backup_vault_lock_configuration", "min_retention_days", between(1, 36500), _VAULT_LOCK),
    Rule("aws_backup_vault_policy", "policy", json_document, _VAULT),
    Rule("aws_db_event_subscription", "event_categories", one_of(*_CATEGORIES), _EVENTS),
    Rule("aws_db_parameter_group", "family", matching(r"(aurora-)?[a-z-]+\d+(\.\d+)?", "like postgres17"), _PARAMETERS),
    Rule("aws_db_parameter_group", "parameter.apply_method", one_of("immediate", "pending-reboot"), _PARAMETER),
    Rule("aws_db_proxy", "name", matching(r"(?=.{1,63}$)[A-Za-z](-?[A-Za-z0-9])*", "a proxy's name"), _PROXY),
    Rule("aws_db_proxy", "engine_family", one_of("MYSQL", "POSTGRESQL", "SQLSERVER"), _PROXY),
    Rule("aws_db_proxy", "default_auth_scheme", one_of("IAM_AUTH", "NONE"), _PROXY),
    Rule("aws_db_proxy", "idle_client_timeout", between(1, 28800), _PROXY),
    Rule(
        "aws_db_proxy_default_target_group",
        "connection_pool_config.max_connections_percent",
        between(1, 100),
        _PROXY_POOL,
    ),
    Rule(
        "aws_db_proxy_default_target_group",
        "connection_pool_config.max_idle_connections_percent",
        between(0, 100),
        _PROXY_POOL,
    ),
    Rule(
        "aws_db_proxy_default_target_group",
        "connection_pool_config.connection_borrow_timeout",
        between(0, 300),
        _PROXY_POOL,
    ),
    Rule("aws_db_subnet_group", "name", matching(r"[a-z0-9 ._-]{1,255}", "up to 255 of a-z 0-9 ._-"), _SUBNETS),
    Rule(
        "aws_elasticache_parameter_group",
        "family",
        matching(r"(valkey|redis|memcached)\d+(\.[\dx])*", "like valkey8"),
        _CACHE_PARAMETERS,
    ),
    Rule("aws_elasticache_replication_group", "replication_group_id", _CACHE_ID, _CACHE),
    Rule(
        "aws_elasticache_replication_group",
        "node_type",
        matching(r"cache\.[a-z0-9]+\.[a-z0-9]+", "like cache.m6g.large"),
        _CACHE,
    ),
    Rule("aws_elasticache_replication_group", "engine", one_of("redis", "valkey"), _CACHE),
    Rule("aws_elasticache_replication_group", "kms_key_id", _KMS, _CACHE),
    Rule("aws_elasticache_replication_group", "num_cache_clusters", between(1, 6), _CACHE),
    Rule("aws_elasticache_replication_group", "snapshot_retention_limit", between(0, 35), _CACHE),
    Rule("aws_elasticache_replication_group", "transit_encryption_mode", one_of("preferred", "required"), _CACHE),
    Rule(
        "aws_elasticache_replication_group",
        "log_delivery_configuration.log_type",
        one_of("engine-log", "slow-log"),
        _CACHE_LOGS,
    ),
    Rule(
        "aws_elasticache_replication_group",
        "log_delivery_configuration.log_format",
        one_of("json", "text"),
        _CACHE_LOGS,
    ),
    Rule(
        "aws_elasticache_replication_group",
        "log_delivery_configuration.destination_type",
        one_of("cloudwatch-logs", "kinesis-firehose"),
        _CACHE_LOGS,
    ),
    Rule(
        "aws_elasticache_user",
        "user_id",
        matching(r"[A-Za-z][A-Za-z0-9-]{0,39}", "1 to 40 letters, digits and hyphens"),
        _CACHE_USER,
    ),
    Rule("aws_elasticache_user", "engine", one_of("redis", "valkey"), _CACHE_USER),
    Rule("aws_elasticache_user", "access_string", matching(r"(on|off)( \S+)+", "like on ~* +@read"), _CACHE_USER),
    Rule("aws_elasticache_user_group", "user_group_id", _CACHE_ID, _CACHE_USER_GROUP),
    Rule("aws_elasticache_user_group", "engine", one_of("redis", "valkey"), _CACHE_USER_GROUP),
    Rule(
        "aws_s3_bucket",
        "bucket",
        matching(r"(?!xn--)[a-z0-9]([a-z0-9.-]{1,61})[a-z0-9]", "3 to 63 of a-z 0-9 .-"),
        _BUCKET,
    ),
    Rule("aws_s3_bucket_lifecycle_configuration", "rule.status", one_of("Disabled", "Enabled"), _LIFECYCLE),
    Rule(
        "aws_s3_bucket_object_lock_configuration",
        "rule.default_retention.mode",
        one_of("COMPLIANCE", "GOVERNANCE"),
        _OBJECT_LOCK,
    ),
    Rule("aws_s3_bucket_object_lock_configuration", "rule.default_retention.days", between(1, 36500), _OBJECT_LOCK),
    Rule(
        "aws_s3_bucket_ownership_controls",
        "rule.object_ownership",
        one_of("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"),
        _OWNERSHIP,
    ),
    Rule("aws_s3_bucket_policy", "policy", json_document, _BUCKET),
    Rule(
        "aws_s3_bucket_server_side_encryption_configuration",
        "rule.apply_server_side_encryption_by_default.sse_algorithm",
        one_of("AES256", "aws:kms", "aws:kms:dsse"),
        _SSE,
    ),
    Rule(
        "aws_s3_bucket_versioning",
        "versioning_configuration.status",
        one_of("Disabled", "Enabled", "Suspended"),
        _VERSIONING,
    ),
    Rule(
        "aws_secretsmanager_secret", "name", matching(r"[\w/+=.@-]{1,512}", "1 to 512 of A-Z a-z 0-9 _/+=.@-"), _SECRET
    ),
    Rule("aws_secretsmanager_secret", "recovery_window_in_days", one_of(0, *range(7, 31)), _SECRET_DELETE),
    Rule(
        "aws_security_group",
        "name",
        matching(r"(?!sg-)[\w .:/()#,@\[\]+=&;{}!$*-]{1,255}", "a name that is no ID"),
        _SECURITY_GROUP,
    ),
    Rule("aws_security_group", "description", longest(255), _SECURITY_GROUP),
    Rule("aws_vpc_security_group_ingress_rule", "from_port", between(-1, 65535), _RULE),
    Rule("aws_vpc_security_group_ingress_rule", "to_port", between(-1, 65535), _RULE),
)

STATIC_PARAMETERS = frozenset(
    [
        *("max_connections", "max_prepared_transactions", "max_replication_slots", "max_wal_senders"),
        *("max_worker_processes", "rds.logical_replication", "shared_buffers", "shared_preload_libraries"),
        "track_activity_query_size",
    ]
)
"""Of PostgreSQL: RDS refuses to apply them at once."""


def _static_parameters(config: Config) -> Iterator[Complaint]:
    if not str(config.get("family")).startswith(("postgres", "aurora-postgres")):
        return
    for parameter in config.get("parameter") or []:
        name: Any = parameter.get("name") if isinstance(parameter, dict) else None
        if is_known(name) and name in STATIC_PARAMETERS and parameter.get("apply_method") in (None, "immediate"):
            detail = f"{name} is static: its apply_method must be pending-reboot"
            yield Complaint("Invalid combination of arguments", detail, ("parameter",))


def _multi_az(config: Config) -> Iterator[Complaint]:
    nodes: Any = config.get("num_cache_clusters")
    failover = config.get("automatic_failover_enabled") is True
    if failover and is_known(nodes) and nodes < 2:
        detail = f"automatic_failover_enabled needs num_cache_clusters of 2 at least, has {nodes}"
        yield Complaint("Invalid combination of arguments", detail, ("num_cache_clusters",))
    if config.get("multi_az_enabled") is True and config.get("automatic_failover_enabled") in (None, False):
        detail = "multi_az_enabled needs automatic_failover_enabled"
        yield Complaint("Invalid combination of arguments", detail, ("multi_az_enabled",))


RELATIONS: tuple[Relation, ...] = (
    Relation("aws_db_parameter_group", _static_parameters, _PARAMETER),
    Relation("aws_elasticache_replication_group", _multi_az, _CACHE_MULTI_AZ),
    conflicting("aws_elasticache_user", _CACHE_USER, "passwords", "passwords_wo"),
    needs("aws_elasticache_user", _CACHE_USER, "passwords_wo", "passwords_wo_version"),
    conflicting("aws_s3_bucket", _BUCKET, "bucket", "bucket_prefix"),
    conflicting("aws_secretsmanager_secret", _SECRET, "name", "name_prefix"),
)
