locals {
  service = "parcels"
  name    = "${local.service}-${var.environment}"

  # For names that are unique in all of Azure: the same for this environment at every apply.
  unique_suffix = substr(sha256("${var.subscription_id}/${local.name}"), 0, 6)

  # The provider has no default tags: every resource takes these.
  tags = {
    Service     = local.service
    Environment = var.environment
    Owner       = "team-shipping"
    ManagedBy   = "terraform"
  }

  # What differs by environment comes from sm.yaml, so that Terraform, the manifests and the
  # application always agree. Change it there, then let `sm` bring the files up to date.
  # `messages_a_replica`: what one pod works off within the latency goal (worker.acceptable_latency).
  environments = {
    dev = {
      namespace = "parcels-dev"

      hostname = "parcels.dev.shop.example"

      queue = {
        tier               = "standard"
        ordered            = true
        visibility_timeout = 60
        retention          = 345600
        max_attempts       = 10
        max_replicas       = 2
        messages_a_replica = 60
      }
    }
    staging = {
      namespace = "parcels-staging"

      hostname = "parcels.staging.shop.example"

      queue = {
        tier               = "standard"
        ordered            = true
        visibility_timeout = 60
        retention          = 345600
        max_attempts       = 10
        max_replicas       = 4
        messages_a_replica = 60
      }
    }
    prod = {
      namespace = "parcels-prod"

      hostname = "parcels.shop.example"

      queue = {
        tier               = "standard"
        ordered            = true
        visibility_timeout = 60
        retention          = 345600
        max_attempts       = 10
        max_replicas       = 20
        messages_a_replica = 60
      }
    }
  }

  settings = local.environments[var.environment]
}
