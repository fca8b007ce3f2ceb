# Every input refuses what cannot work. Runs without an AWS account: terraform test

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  environment  = "staging"
  account_id   = "111122223333"
  cluster_name = "main"
  alarm_emails = ["on-call@example.com"]

  data_subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
}

run "accepts_good_inputs" {
  command = plan

  assert {
    condition     = local.name == "accounts-staging" && local.settings.namespace == "accounts-staging"
    error_message = "names must carry service and environment"
  }

  assert {
    condition     = local.tags.Environment == "staging" && local.tags.Service == "accounts" && local.tags.ManagedBy == "terraform"
    error_message = "default tags must say service, environment and origin"
  }
}

run "refuses_unknown_environment" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}

run "refuses_placeholder_account" {
  command = plan

  variables {
    account_id = "000000000000"
  }

  expect_failures = [var.account_id]
}

run "refuses_placeholder_cluster" {
  command = plan

  variables {
    cluster_name = "replace-me"
  }

  expect_failures = [var.cluster_name]
}

run "refuses_malformed_region" {
  command = plan

  variables {
    region = "ireland"
  }

  expect_failures = [var.region]
}
