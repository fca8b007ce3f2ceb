# Valkey on ElastiCache: one primary, and replicas that take over when it fails. Nothing here is the
# only copy of anything, and the service does without it when it is away.

locals {
  cache_port = 6379

  # By the names that ElastiCache gives the nodes.
  cache_nodes = toset([for number in range(1, local.settings.cache.replicas + 2) : format("%s-%03d", local.name, number)])
}

resource "aws_elasticache_replication_group" "cache" {
  #checkov:skip=CKV_AWS_31:Users of a user group log in, each with his own rights, instead of everybody by one auth token.
  #checkov:skip=CKV2_AWS_50:Failover to another zone comes with cache.replicas in sm.yaml; a cache without replicas is made again empty.
  replication_group_id = local.name
  description          = "Cache of ${local.name}"

  engine               = "valkey"
  engine_version       = "8.1"
  node_type            = local.settings.cache.node_type
  port                 = local.cache_port
  parameter_group_name = aws_elasticache_parameter_group.cache.name

  # All keys on one primary: a cache that outgrows the largest size takes a larger one first.
  num_cache_clusters         = local.settings.cache.replicas + 1
  automatic_failover_enabled = local.settings.cache.replicas > 0
  multi_az_enabled           = local.settings.cache.replicas > 0

  subnet_group_name  = aws_elasticache_subnet_group.cache.name
  security_group_ids = [aws_security_group.cache.id]
  user_group_ids     = [aws_elasticache_user_group.cache.user_group_id]

  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.service.arn

  # A day, to fill a cache that is made again; what is older would be out of date anyway. UTC, and apart
  # from the maintenance: production after everybody else.
  snapshot_retention_limit   = 1
  snapshot_window            = "01:00-02:00"
  maintenance_window         = var.environment == "prod" ? "sun:03:00-sun:04:00" : "wed:03:00-wed:04:00"
  auto_minor_version_upgrade = true
  apply_immediately          = var.environment != "prod"

  dynamic "log_delivery_configuration" {
    for_each = aws_cloudwatch_log_group.cache

    content {
      log_type         = log_delivery_configuration.key
      log_format       = "json"
      destination_type = "cloudwatch-logs"
      destination      = log_delivery_configuration.value.name
    }
  }
}

resource "aws_elasticache_parameter_group" "cache" {
  name        = local.name
  description = "Cache of ${local.name}"
  family      = "valkey8"

  # Full is its normal state: what was used least recently goes, whether or not it would expire. The
  # default throws out only what expires, and refuses writes when that is not enough.
  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru"
  }

  # Percent. The default, said here because sm.yaml's rule for cache.working_set counts on it.
  parameter {
    name  = "reserved-memory-percent"
    value = "25"
  }

  # Microseconds. A tenth of what the service waits.
  parameter {
    name  = "slowlog-log-slower-than"
    value = "10000"
  }
}

resource "aws_elasticache_subnet_group" "cache" {
  name        = local.name
  description = "Cache of ${local.name}"
  subnet_ids  = local.data_subnet_ids
}

resource "aws_security_group" "cache" {
  name        = "${local.name}-cache"
  description = "Cache of ${local.name}"
  vpc_id      = local.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "cache" {
  for_each = local.client_security_group_ids

  security_group_id            = aws_security_group.cache.id
  description                  = "Valkey from the nodes of ${data.aws_eks_cluster.this.name}"
  ip_protocol                  = "tcp"
  from_port                    = local.cache_port
  to_port                      = local.cache_port
  referenced_security_group_id = each.value
}

resource "aws_cloudwatch_log_group" "cache" {
  #checkov:skip=CKV_AWS_338:Slow commands and failovers are for finding faults, not an audit trail. Retention is telemetry.log_retention in sm.yaml.
  for_each = local.cache_log_groups

  name              = each.value
  retention_in_days = local.settings.log_retention
  kms_key_id        = aws_kms_key.service.arn
}

locals {
  cache_log_groups = {
    slow-log   = "/aws/elasticache/${local.name}/slow-log"
    engine-log = "/aws/elasticache/${local.name}/engine-log"
  }

  cache_log_group_arns = [
    for name in values(local.cache_log_groups) :
    "arn:${data.aws_partition.current.partition}:logs:${var.region}:${var.account_id}:log-group:${name}"
  ]
}
