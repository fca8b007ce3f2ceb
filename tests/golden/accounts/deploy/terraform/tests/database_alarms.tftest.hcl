# Alarms that go off in time, each for the right server.

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

run "each_server_is_watched" {
  command = apply

  assert {
    condition = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.database :
      startswith(alarm.alarm_name, "accounts-prod-database-") && alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && contains(values(local.database_instances), alarm.dimensions.DBInstanceIdentifier)
    ])
    error_message = "every alarm must watch a server that exists, be allowed to publish, and do it"
  }

  assert {
    condition = alltrue([for key in keys(local.database_instances) :
      contains(keys(aws_cloudwatch_metric_alarm.database), "${key}-free-storage") && contains(keys(aws_cloudwatch_metric_alarm.database), "${key}-connections") && contains(keys(aws_cloudwatch_metric_alarm.database), "${key}-cpu")
    ])
    error_message = "every server needs its alarms"
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.database), "primary-transaction-ids") && alltrue([for key in keys(aws_db_instance.replica) : contains(keys(aws_cloudwatch_metric_alarm.database), "${key}-lag")])
    error_message = "wraparound is the primary's, lag the replicas'"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.database["primary-connections"].threshold < local.settings.database.max_connections
    error_message = "the alarm must come before logins are refused"
  }

  assert {
    condition     = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.database : alarm.threshold > local.settings.database.max_replica_lag if endswith(key, "-lag")])
    error_message = "the service's own limit must come before the alarm"
  }
}

run "credits_where_there_are_some" {
  command = apply

  variables {
    environment = "dev"
  }

  assert {
    condition     = contains(keys(aws_cloudwatch_metric_alarm.database), "primary-cpu-credits") == local.settings.database.burstable
    error_message = "an instance that lives on credits must say when they run out"
  }

  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.database) : contains([300, 900], alarm.evaluation_periods * alarm.period) && alarm.period == (alarm.metric_name == "CPUCreditBalance" ? 300 : 60)])
    error_message = "alarms must look at whole minutes that are reported, five or fifteen of them"
  }
}
