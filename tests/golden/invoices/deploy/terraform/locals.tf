locals {
  service = "invoices"
  name    = "${local.service}-${var.environment}"

  tags = {
    Service     = local.service
    Environment = var.environment
    Owner       = "team-invoices"
    ManagedBy   = "terraform"
  }

  # What differs by environment comes from sm.yaml, so that Terraform, the manifests and the
  # application always agree. Change it there, then let `sm` bring the files up to date.
  # `log_retention`: days, only values that CloudWatch Logs offers.
  environments = {
    dev = {
      namespace = "invoices-dev"

      log_retention = 7

      queue = {
        ordered               = false
        visibility_timeout    = 60
        retention             = 345600
        dead_letter_retention = 1209600
        max_message           = 262144
        max_attempts          = 10
        acceptable_latency    = 60
      }
    }
    staging = {
      namespace = "invoices-staging"

      log_retention = 14

      queue = {
        ordered               = false
        visibility_timeout    = 60
        retention             = 345600
        dead_letter_retention = 1209600
        max_message           = 262144
        max_attempts          = 10
        acceptable_latency    = 60
      }
    }
    prod = {
      namespace = "invoices-prod"

      log_retention = 90

      queue = {
        ordered               = false
        visibility_timeout    = 60
        retention             = 345600
        dead_letter_retention = 1209600
        max_message           = 262144
        max_attempts          = 10
        acceptable_latency    = 60
      }
    }
  }

  settings = local.environments[var.environment]
}
