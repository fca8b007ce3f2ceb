locals {
  service = "ledgers"
  name    = "${local.service}-${var.environment}"

  # For names that are unique in all of Azure: the same for this environment at every apply.
  unique_suffix = substr(sha256("${var.subscription_id}/${local.name}"), 0, 6)

  # The provider has no default tags: every resource takes these.
  tags = {
    Service     = local.service
    Environment = var.environment
    Owner       = "team-ledgers"
    ManagedBy   = "terraform"
  }

  # What differs by environment comes from sm.yaml, so that Terraform, the manifests and the
  # application always agree. Change it there, then let `sm` bring the files up to date.
  environments = {
    dev = {
      namespace = "ledgers-dev"

      hostname = "ledgers.dev.example.com"

      database = {
        name                    = "ledgers"
        version                 = "17"
        instance_class          = "B_Standard_B2s"
        burstable               = true
        max_connections         = 414
        storage                 = 32
        replicas                = 0
        high_availability       = false
        backup_retention        = 7
        cross_region_backup     = false
        deletion_protection     = false
        max_replica_lag         = 5
        pool_wait               = 1000
        pooler                  = false
        identity_authentication = false
      }

      cache = {
        sku      = "Balanced_B0"
        replicas = 0
      }

      backup = {
        interval     = 24
        retention    = 7
        cross_region = false
      }
    }
    staging = {
      namespace = "ledgers-staging"

      hostname = "ledgers.staging.example.com"

      database = {
        name                    = "ledgers"
        version                 = "17"
        instance_class          = "GP_Standard_D2ds_v5"
        burstable               = false
        max_connections         = 844
        storage                 = 32
        replicas                = 0
        high_availability       = true
        backup_retention        = 14
        cross_region_backup     = false
        deletion_protection     = true
        max_replica_lag         = 5
        pool_wait               = 1000
        pooler                  = true
        identity_authentication = false
      }

      cache = {
        sku      = "Balanced_B0"
        replicas = 0
      }

      backup = {
        interval     = 24
        retention    = 35
        cross_region = false
      }
    }
    prod = {
      namespace = "ledgers-prod"

      hostname = "ledgers.example.com"

      database = {
        name                    = "ledgers"
        version                 = "17"
        instance_class          = "MO_Standard_E2ds_v5"
        burstable               = false
        max_connections         = 1703
        storage                 = 100
        replicas                = 2
        high_availability       = true
        backup_retention        = 14
        cross_region_backup     = true
        deletion_protection     = true
        max_replica_lag         = 5
        pool_wait               = 1000
        pooler                  = true
        identity_authentication = false
      }

      cache = {
        sku      = "Balanced_B3"
        replicas = 1
      }

      backup = {
        interval     = 24
        retention    = 35
        cross_region = true
      }
    }
  }

  settings = local.environments[var.environment]
}
