# What only the load balancer can see: the service down as a whole, and the time a request
# takes outside the pods. The objectives themselves are watched by the burn-rate alerts in
# deploy/kubernetes/overlays (Prometheus); these alarms still work when the cluster does not.
# Metrics: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html

locals {
  # None before the first deployment. By number and not by name: when the load balancer was
  # replaced, each alarm is updated, instead of one being created while another of the same name
  # is being deleted.
  load_balancer_dimension = one([for arn in data.aws_lbs.service.arns : split(":loadbalancer/", arn)[1]])
  alarm_count             = local.load_balancer_dimension == null ? 0 : 1

  # 14.4 times the error budget uses up 2 % of a 30-day budget in one hour: the fast-burn
  # threshold of https://sre.google/workbook/alerting-on-slos/. 0.1 % budget -> 1.44 %.
  # At most 50 %, so that a modest objective still gets an alarm that can go off.
  server_error_percent = min(14.4 * (100 - local.settings.availability), 50)
}

resource "aws_cloudwatch_metric_alarm" "server_errors" {
  count = local.alarm_count

  alarm_name        = "${local.name}-server-errors"
  alarm_description = "Share of requests answered with a 5xx by the pods or by the load balancer."

  comparison_operator = "GreaterThanThreshold"
  threshold           = local.server_error_percent
  evaluation_periods  = 5
  datapoints_to_alarm = 3 # three bad minutes of five: not one unlucky minute
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  metric_query {
    id          = "percent"
    label       = "5xx %"
    return_data = true

    # Requests that never found a healthy pod are in `rejected` but not in `requests`.
    # Under 20 requests a minute one failure would be 5 % and more: not worth waking someone.
    expression = "IF(FILL(requests, 0) + FILL(rejected, 0) >= 20, 100 * (FILL(failed, 0) + FILL(rejected, 0)) / (FILL(requests, 0) + FILL(rejected, 0)), 0)"
  }

  dynamic "metric_query" {
    for_each = {
      requests = "RequestCount"
      failed   = "HTTPCode_Target_5XX_Count"
      rejected = "HTTPCode_ELB_5XX_Count"
    }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = { LoadBalancer = local.load_balancer_dimension }
        stat        = "Sum"
        period      = 60
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  count = local.alarm_count

  alarm_name        = "${local.name}-latency"
  alarm_description = "Too many requests wait longer than the objective, measured at the load balancer."

  namespace          = "AWS/ApplicationELB"
  metric_name        = "TargetResponseTime"
  dimensions         = { LoadBalancer = local.load_balancer_dimension }
  extended_statistic = format("p%g", local.settings.latency_target)
  period             = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = local.settings.latency / 1000 # seconds
  evaluation_periods  = 15
  datapoints_to_alarm = 10 # a percentile jumps about; ten minutes of fifteen is a trend
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  # A percentile of a handful of requests says nothing.
  evaluate_low_sample_count_percentiles = "ignore"
}

# The one that goes off when everything is down: no traffic means no 5xx and no latency, and a
# target group without pods has no unhealthy ones either.
resource "aws_cloudwatch_metric_alarm" "no_healthy_hosts" {
  count = local.alarm_count

  alarm_name        = "${local.name}-no-healthy-hosts"
  alarm_description = "The load balancer has no healthy pod to send requests to: the service is down."

  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 3
  datapoints_to_alarm = 3           # metrics can be two minutes late
  treat_missing_data  = "breaching" # no target group, no metric, no service
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  metric_query {
    id          = "healthy"
    label       = "Healthy pods"
    return_data = true
    period      = 60
    expression  = "SELECT MAX(HealthyHostCount) FROM SCHEMA(\"AWS/ApplicationELB\", LoadBalancer, TargetGroup) WHERE LoadBalancer = '${local.load_balancer_dimension}'"
  }
}

resource "aws_cloudwatch_metric_alarm" "unhealthy_hosts" {
  count = local.alarm_count

  alarm_name        = "${local.name}-unhealthy-hosts"
  alarm_description = "For five minutes at least one pod has failed the load balancer's health check. Others may still serve."

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 5
  datapoints_to_alarm = 5 # a pod that starts or drains is done sooner
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  metric_query {
    id          = "unhealthy"
    label       = "Unhealthy pods"
    return_data = true
    period      = 60

    # This metric exists for each target group only, and the controller may replace those:
    # a Metrics Insights query follows them by itself.
    expression = "SELECT MAX(UnHealthyHostCount) FROM SCHEMA(\"AWS/ApplicationELB\", LoadBalancer, TargetGroup) WHERE LoadBalancer = '${local.load_balancer_dimension}'"
  }
}
