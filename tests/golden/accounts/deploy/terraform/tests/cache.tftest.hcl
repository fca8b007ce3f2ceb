# The cache: for the cluster alone, with TLS, for one user who can do what a cache is for.

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

run "cache" {
  command = apply

  variables {
    cache_password_version = 2
  }

  assert {
    condition     = aws_elasticache_replication_group.cache.transit_encryption_mode == "required" && aws_elasticache_replication_group.cache.transit_encryption_enabled
    error_message = "nobody may connect without TLS"
  }

  assert {
    condition     = tobool(aws_elasticache_replication_group.cache.at_rest_encryption_enabled) && aws_elasticache_replication_group.cache.kms_key_id == aws_kms_key.service.arn
    error_message = "the cache must be encrypted with the service's key"
  }

  assert {
    condition     = aws_elasticache_replication_group.cache.num_cache_clusters == local.settings.cache.replicas + 1 && aws_elasticache_replication_group.cache.multi_az_enabled == (local.settings.cache.replicas > 0) && aws_elasticache_replication_group.cache.automatic_failover_enabled == (local.settings.cache.replicas > 0)
    error_message = "a replica must take over by itself, in another zone"
  }

  assert {
    condition     = one([for parameter in aws_elasticache_parameter_group.cache.parameter : parameter.value if parameter.name == "maxmemory-policy"]) == "allkeys-lru"
    error_message = "a full cache must make room instead of refusing writes"
  }

  assert {
    condition     = length(aws_elasticache_replication_group.cache.log_delivery_configuration) == 2 && alltrue([for group in values(aws_cloudwatch_log_group.cache) : group.kms_key_id == aws_kms_key.service.arn])
    error_message = "both logs must be delivered, and encrypted"
  }

  assert {
    condition = alltrue([for rule in values(aws_vpc_security_group_ingress_rule.cache) :
      rule.referenced_security_group_id == "sg-0123456789abcdef0" && rule.from_port == 6379 && rule.to_port == 6379
    ]) && keys(aws_vpc_security_group_ingress_rule.cache) == ["sg-0123456789abcdef0"]
    error_message = "the nodes of the cluster must reach Valkey's port, and nobody anything else"
  }

  assert {
    condition     = aws_elasticache_user_group.cache.user_ids == toset([aws_elasticache_user.service.user_id]) && aws_elasticache_replication_group.cache.user_group_ids == toset([aws_elasticache_user_group.cache.user_group_id])
    error_message = "the service's user must be the only one"
  }

  assert {
    condition     = aws_elasticache_user.service.passwords_wo == null && aws_elasticache_user.service.passwords == null && aws_secretsmanager_secret_version.cache.secret_string == null
    error_message = "no password may get into the state"
  }

  assert {
    condition     = aws_elasticache_user.service.passwords_wo_version == aws_secretsmanager_secret_version.cache.secret_string_wo_version
    error_message = "user and secret must change together"
  }

  assert {
    condition     = strcontains(aws_elasticache_user.service.access_string, "-@admin -@dangerous")
    error_message = "the service must not be able to empty or change the cache"
  }

  assert {
    condition = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.cache) :
      contains(local.cache_nodes, alarm.dimensions.CacheClusterId) && alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])
    ]) && length(local.cache_nodes) == local.settings.cache.replicas + 1
    error_message = "every node must be watched"
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.cache), "001-cpu-credits") == startswith(local.settings.cache.node_type, "cache.t")
    error_message = "a node that lives on credits must say when they run out"
  }

  assert {
    condition     = length(aws_elasticache_replication_group.cache.replication_group_id) <= 40
    error_message = "ElastiCache allows 40 characters for the ID of a replication group"
  }

  assert {
    condition     = output.kubernetes.cache_host == aws_elasticache_replication_group.cache.primary_endpoint_address && output.kubernetes.cache_secret_arn == aws_secretsmanager_secret.cache.arn
    error_message = "the manifests need the address and the secret"
  }
}

run "refuses_a_password_version_below_one" {
  command = plan

  variables {
    cache_password_version = 0
  }

  expect_failures = [var.cache_password_version]
}
