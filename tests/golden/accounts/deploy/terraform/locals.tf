locals {
  service = "accounts"
  name    = "${local.service}-${var.environment}"

  tags = {
    Service     = local.service
    Environment = var.environment
    Owner       = "team-accounts"
    ManagedBy   = "terraform"
  }

  # What differs by environment comes from sm.yaml, so that Terraform, the manifests and the
  # application always agree. Change it there, then let `sm` bring the files up to date.
  # Objectives: `availability` percent of requests without a 5xx, `latency_target` percent of
  # requests within `latency` milliseconds. `waf_rate_limit`: requests an address in 5 minutes.
  # `log_retention`: days, only values that CloudWatch Logs offers.
  environments = {
    dev = {
      namespace = "accounts-dev"

      log_retention = 7

      hostname       = "accounts.dev.example.com"
      waf_rate_limit = 10000

      availability   = 99.9
      latency        = 500
      latency_target = 99.0

      database = {
        name                    = "accounts"
        version                 = "17"
        instance_class          = "db.t4g.medium"
        memory                  = 4
        burstable               = true
        max_connections         = 405
        storage                 = 32
        replicas                = 0
        high_availability       = false
        backup_retention        = 7
        deletion_protection     = false
        max_replica_lag         = 5
        pool_wait               = 1000
        pooler                  = false
        identity_authentication = false
      }

      cache = {
        node_type = "cache.t4g.micro"
        replicas  = 0
      }

      backup = {
        retention   = 7
        copy_region = null
      }
    }
    staging = {
      namespace = "accounts-staging"

      log_retention = 14

      hostname       = "accounts.staging.example.com"
      waf_rate_limit = 10000

      availability   = 99.9
      latency        = 500
      latency_target = 99.0

      database = {
        name                    = "accounts"
        version                 = "17"
        instance_class          = "db.m6g.large"
        memory                  = 8
        burstable               = false
        max_connections         = 811
        storage                 = 32
        replicas                = 0
        high_availability       = true
        backup_retention        = 14
        deletion_protection     = true
        max_replica_lag         = 5
        pool_wait               = 1000
        pooler                  = false
        identity_authentication = false
      }

      cache = {
        node_type = "cache.t4g.micro"
        replicas  = 0
      }

      backup = {
        retention   = 35
        copy_region = null
      }
    }
    prod = {
      namespace = "accounts-prod"

      log_retention = 90

      hostname       = "accounts.example.com"
      waf_rate_limit = 10000

      availability   = 99.9
      latency        = 500
      latency_target = 99.0

      database = {
        name                    = "accounts"
        version                 = "17"
        instance_class          = "db.r6g.large"
        memory                  = 16
        burstable               = false
        max_connections         = 1622
        storage                 = 100
        replicas                = 1
        high_availability       = true
        backup_retention        = 14
        deletion_protection     = true
        max_replica_lag         = 5
        pool_wait               = 1000
        pooler                  = false
        identity_authentication = false
      }

      cache = {
        node_type = "cache.t4g.medium"
        replicas  = 1
      }

      backup = {
        retention   = 35
        copy_region = "eu-central-1"
      }
    }
  }

  settings = local.environments[var.environment]
}
