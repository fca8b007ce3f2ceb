# Attached to the load balancer through LoadBalancerConfiguration (deploy/kubernetes), which
# takes the ARN from output "kubernetes".
#
# Rules in order of cost: addresses first, bodies last. Together they take 977 of the 1,500
# capacity units that the base price includes. The managed rule groups are described in
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html

resource "aws_wafv2_web_acl" "service" {
  name        = local.name
  description = "Protects ${local.settings.hostname}"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  custom_response_body {
    key          = "rate-limit"
    content_type = "APPLICATION_JSON"
    content = jsonencode({
      type   = "https://iana.org/assignments/http-problem-types#quota-exceeded"
      title  = "Too Many Requests"
      status = 429
      detail = "Too many requests from this address; try again in 300 seconds."
    })
  }

  rule {
    name     = "ip-reputation"
    priority = 0

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesAmazonIpReputationList"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${local.name}-ip-reputation"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "rate-limit"
    priority = 10

    # Status and problem details as the application's own limiter gives them; 300 s is the window
    # below. The content type is application/json: AWS WAF has no application/problem+json.
    action {
      block {
        custom_response {
          response_code            = 429
          custom_response_body_key = "rate-limit"

          response_header {
            name  = "Retry-After"
            value = "300"
          }
        }
      }
    }

    statement {
      # One client address may send this many requests in five minutes. Coarse on purpose: it
      # stops floods before they reach a pod. Fair use is the application's rate limit.
      rate_based_statement {
        limit                 = local.settings.waf_rate_limit
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${local.name}-rate-limit"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "known-bad-inputs"
    priority = 20

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesKnownBadInputsRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${local.name}-known-bad-inputs"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "common"
    priority = 30

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesCommonRuleSet"

        # This rule blocks every body over 8 KB, but the service takes 1048576 bytes.
        # Counted instead; the application answers 413 above its own limit. Behind an ALB all
        # rules see the first 8 KB of a body and no more, whatever is set here:
        # https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-setting-body-inspection-limit.html
        rule_action_override {
          name = "SizeRestrictions_BODY"

          action_to_use {
            count {}
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${local.name}-common"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "anonymous-ip"
    priority = 40

    # VPNs and hosting providers, where other people's servers call from: counted, so that metric
    # and sampled requests show them during an attack, but not blocked.
    override_action {
      count {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesAnonymousIpList"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${local.name}-anonymous-ip"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = local.name
    sampled_requests_enabled   = true
  }
}
