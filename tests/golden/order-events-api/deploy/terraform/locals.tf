locals {
  service = "order-events-api"
  name    = "${local.service}-${var.environment}"

  tags = {
    Service     = local.service
    Environment = var.environment
    Owner       = "team-payments"
    ManagedBy   = "terraform"
  }

  # What differs by environment comes from sm.yaml, so that Terraform, the manifests and the
  # application always agree. Change it there, then let `sm` bring the files up to date.
  # Objectives: `availability` percent of requests without a 5xx, `latency_target` percent of
  # requests within `latency` milliseconds. `waf_rate_limit`: requests an address in 5 minutes.
  # `log_retention`: days, only values that CloudWatch Logs offers.
  environments = {
    dev = {
      namespace = "order-events-api-dev"

      log_retention = 7

      hostname       = "order-events-api.dev.shop.example"
      waf_rate_limit = 10000

      availability   = 99.9
      latency        = 500
      latency_target = 99.0
    }
    staging = {
      namespace = "order-events-api-staging"

      log_retention = 14

      hostname       = "order-events-api.staging.shop.example"
      waf_rate_limit = 10000

      availability   = 99.9
      latency        = 500
      latency_target = 99.0
    }
    prod = {
      namespace = "order-events-api-prod"

      log_retention = 90

      hostname       = "order-events-api.shop.example"
      waf_rate_limit = 10000

      availability   = 99.9
      latency        = 500
      latency_target = 99.0
    }
  }

  settings = local.environments[var.environment]
}
