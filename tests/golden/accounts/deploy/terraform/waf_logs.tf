# WAF only writes to log groups whose names begin with aws-waf-logs-. It adds the log group's
# resource policy itself; the deploying role needs logs:PutResourcePolicy for that.
resource "aws_cloudwatch_log_group" "waf" {
  #checkov:skip=CKV_AWS_338:Requests blocked by the firewall are for tracing false positives, not an audit trail. Retention is telemetry.log_retention in sm.yaml.
  name              = local.waf_log_group
  retention_in_days = local.settings.log_retention
  kms_key_id        = aws_kms_key.service.arn
}

resource "aws_wafv2_web_acl_logging_configuration" "service" {
  resource_arn            = aws_wafv2_web_acl.service.arn
  log_destination_configs = [aws_cloudwatch_log_group.waf.arn]

  # Credentials never reach the log.
  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  redacted_fields {
    single_header {
      name = "cookie"
    }
  }

  # Allowed requests are in the application's own log; here they would only cost money. So would
  # counted ones: whoever calls from a hosting provider counts as anonymous-ip. The console shows a
  # sample of them.
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ALL"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }
    }
  }
}

locals {
  waf_log_group     = "aws-waf-logs-${local.name}"
  waf_log_group_arn = "arn:${data.aws_partition.current.partition}:logs:${var.region}:${var.account_id}:log-group:${local.waf_log_group}"
}
