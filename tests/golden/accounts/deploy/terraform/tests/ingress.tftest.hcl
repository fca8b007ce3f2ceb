# Certificate, firewall and what the manifests are given.

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

run "first_deployment" {
  command = apply

  # The load balancer is made by the controller, later: a warning, not an error.
  override_data {
    target = data.aws_lbs.service
    values = {
      arns = []
    }
  }

  expect_failures = [check.load_balancer]

  assert {
    condition     = output.kubernetes.hostname == local.environments["prod"].hostname && output.kubernetes.vpc_cidr == "10.20.0.0/16"
    error_message = "the manifests need host name and network"
  }

  assert {
    condition     = output.kubernetes.certificate_arn == aws_acm_certificate.service.arn && output.kubernetes.web_acl_arn == aws_wafv2_web_acl.service.arn
    error_message = "the manifests need the ARNs of certificate and firewall"
  }

  assert {
    condition     = aws_route53_record.certificate_validation.records == toset(["_answer.acm-validations.aws"])
    error_message = "the certificate must be validated by DNS"
  }

  # Nothing can point to a load balancer that is not there yet.
  assert {
    condition     = length(aws_route53_record.service) == 0 && length(aws_cloudwatch_metric_alarm.server_errors) == 0 && output.load_balancer == ""
    error_message = "the first apply must work without a load balancer"
  }
}

run "firewall" {
  command = apply

  assert {
    condition     = aws_wafv2_web_acl.service.scope == "REGIONAL"
    error_message = "load balancers take regional web ACLs only"
  }

  assert {
    condition = toset(flatten(aws_wafv2_web_acl.service.rule[*].statement[*].managed_rule_group_statement[*].name)) == toset([
      "AWSManagedRulesAmazonIpReputationList",
      "AWSManagedRulesAnonymousIpList",
      "AWSManagedRulesCommonRuleSet",
      "AWSManagedRulesKnownBadInputsRuleSet",
    ])
    error_message = "all four managed rule groups must be there"
  }

  # A rule that only counts must be the exception that was decided on.
  assert {
    condition     = [for rule in aws_wafv2_web_acl.service.rule : rule.name if length(flatten(rule.override_action[*].count)) > 0] == ["anonymous-ip"]
    error_message = "only anonymous-ip may count instead of block"
  }

  assert {
    condition     = one(flatten(aws_wafv2_web_acl.service.rule[*].statement[*].rate_based_statement[*].limit)) == local.environments["prod"].waf_rate_limit
    error_message = "the rate limit must be the one of sm.yaml"
  }

  assert {
    condition     = startswith(aws_cloudwatch_log_group.waf.name, "aws-waf-logs-") && aws_cloudwatch_log_group.waf.kms_key_id == aws_kms_key.service.arn
    error_message = "WAF logs need their prefix and the service's key"
  }

  assert {
    condition     = toset(flatten(aws_wafv2_web_acl_logging_configuration.service.redacted_fields[*].single_header[*].name)) == toset(["authorization", "cookie"])
    error_message = "credentials must not be logged"
  }

  assert {
    condition     = flatten(aws_wafv2_web_acl_logging_configuration.service.logging_filter[*].filter[*].condition[*].action_condition[*].action) == ["BLOCK"]
    error_message = "only what was blocked is worth its storage"
  }
}

run "refuses_foreign_zone" {
  command = plan

  variables {
    zone_name = "example.org"
  }

  expect_failures = [var.zone_name]
}
