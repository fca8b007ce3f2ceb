resource "aws_kms_key" "main" {
  description             = "Encrypts ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_sqs_queue" "dead" {
  name              = "${var.name}-dead"
  kms_master_key_id = aws_kms_key.main.arn
}

resource "aws_sqs_queue" "jobs" {
  name                       = "${var.name}-jobs"
  kms_master_key_id          = aws_kms_key.main.arn
  visibility_timeout_seconds = 180

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })

  tags = { Queue = "jobs" }
}

resource "aws_iam_role" "workload" {
  name = var.name

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy" "send" {
  name   = "send"
  role   = aws_iam_role.workload.id
  policy = data.aws_iam_policy_document.send.json
}

resource "aws_cloudwatch_log_group" "waf" {
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = 30
}

resource "aws_cloudwatch_metric_alarm" "old_messages" {
  alarm_name          = "${var.name}-old-messages"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 5
  metric_name         = "ApproximateAgeOfOldestMessage"
  namespace           = "AWS/SQS"
  period              = 60
  statistic           = "Maximum"
  threshold           = 600
  dimensions          = { QueueName = aws_sqs_queue.jobs.name }
}

resource "aws_db_instance" "main" {
  identifier                  = "${var.name}-pg"
  engine                      = "postgres"
  instance_class              = "db.m7g.large"
  allocated_storage           = 50
  storage_encrypted           = true
  username                    = "app"
  manage_master_user_password = true
  skip_final_snapshot         = true
}

resource "aws_wafv2_web_acl" "edge" {
  name  = var.name
  scope = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "common"
    priority = 1

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        name        = "AWSManagedRulesCommonRuleSet"
        vendor_name = "AWS"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "common"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "rate"
    priority = 2

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit = 2000

        scope_down_statement {
          not_statement {
            statement {
              or_statement {
                statement {
                  geo_match_statement {
                    country_codes = ["DE"]
                  }
                }

                statement {
                  geo_match_statement {
                    country_codes = ["FR"]
                  }
                }
              }
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "rate"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

output "queue_url" {
  value = aws_sqs_queue.jobs.url
}

output "account_id" {
  value = data.aws_caller_identity.current.account_id
}

output "policy" {
  value = data.aws_iam_policy_document.send.json
}
