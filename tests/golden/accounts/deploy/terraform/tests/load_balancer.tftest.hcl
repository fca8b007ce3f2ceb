# Alias record and alarms, once the controller has made the load balancer.

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

run "follows_the_load_balancer" {
  command = apply

  assert {
    condition     = one(aws_route53_record.service).name == local.settings.hostname && one(one(aws_route53_record.service).alias).evaluate_target_health
    error_message = "the host name must point to the load balancer"
  }

  assert {
    condition = alltrue([
      for queries in [one(aws_cloudwatch_metric_alarm.no_healthy_hosts).metric_query, one(aws_cloudwatch_metric_alarm.unhealthy_hosts).metric_query] :
      endswith(one(queries).expression, "WHERE LoadBalancer = 'app/accounts/0123456789abcdef'")
      ]) && one(aws_cloudwatch_metric_alarm.latency).dimensions == tomap({
      LoadBalancer = "app/accounts/0123456789abcdef"
      }) && toset(flatten(one(aws_cloudwatch_metric_alarm.server_errors).metric_query[*].metric[*].dimensions)) == toset([tomap({
        LoadBalancer = "app/accounts/0123456789abcdef"
    })])
    error_message = "each alarm must watch the load balancer of this environment"
  }

  assert {
    condition = alltrue(flatten([
      for alarms in [aws_cloudwatch_metric_alarm.latency, aws_cloudwatch_metric_alarm.server_errors, aws_cloudwatch_metric_alarm.no_healthy_hosts, aws_cloudwatch_metric_alarm.unhealthy_hosts] :
      [for alarm in alarms : startswith(alarm.alarm_name, "accounts-prod-") && alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])]
    ]))
    error_message = "alarms must notify, and carry the prefix that the topic's policy asks for"
  }

  assert {
    condition     = output.load_balancer == one(values(data.aws_lb.service)).dns_name
    error_message = "scripts/deploy.sh compares this output with the Gateway"
  }
}

run "thresholds_come_from_the_objectives" {
  command = plan

  assert {
    condition     = one(aws_cloudwatch_metric_alarm.latency).threshold * 1000 == local.settings.latency
    error_message = "the latency alarm must use slo.latency, in seconds"
  }

  assert {
    condition     = one(aws_cloudwatch_metric_alarm.server_errors).threshold > 0 && one(aws_cloudwatch_metric_alarm.server_errors).threshold <= 50
    error_message = "the share of errors must be one that can be reached"
  }
}

run "silence_is_an_outage" {
  command = plan

  assert {
    condition     = one(aws_cloudwatch_metric_alarm.no_healthy_hosts).treat_missing_data == "breaching" && one(aws_cloudwatch_metric_alarm.no_healthy_hosts).threshold == 1
    error_message = "without a healthy pod, or without any metric, the alarm must go off"
  }
}

run "refuses_two_load_balancers" {
  command = plan

  override_data {
    target = data.aws_lbs.service
    values = {
      arns = [
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/old/0123456789abcdef",
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/new/fedcba9876543210",
      ]
    }
  }

  expect_failures = [data.aws_lbs.service]
}
