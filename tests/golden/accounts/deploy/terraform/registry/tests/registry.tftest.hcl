# What is pushed stays what it is. Only plans, for the repository refuses to be destroyed.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }
}

variables {
  account_id = "111122223333"
}

run "images_are_immutable_scanned_encrypted" {
  command = plan

  assert {
    condition     = aws_ecr_repository.service.name == "accounts" && aws_ecr_repository.service.image_tag_mutability == "IMMUTABLE"
    error_message = "a tag must never move"
  }

  assert {
    condition     = one(aws_ecr_repository.service.image_scanning_configuration).scan_on_push
    error_message = "images must be scanned"
  }

  assert {
    condition     = one(aws_ecr_repository.service.encryption_configuration).encryption_type == "KMS" && aws_kms_key.registry.enable_key_rotation
    error_message = "images must be encrypted with a key that rotates"
  }

  assert {
    condition     = !strcontains(join(" ", flatten(jsondecode(aws_kms_key.registry.policy).Statement[*].Action)), "*")
    error_message = "the key policy must name every action"
  }

  assert {
    condition     = [for rule in jsondecode(aws_ecr_lifecycle_policy.service.policy).rules : one(rule.selection.tagPatternList)] == ["prod-*", "*"]
    error_message = "what production runs must be out of reach of the rule for all the others"
  }

  assert {
    condition     = length(aws_ecr_repository_policy.pull) == 0
    error_message = "no other account may pull unless it is named"
  }
}

run "named_accounts_pull_and_nothing_else" {
  command = plan

  variables {
    pull_account_ids = ["222233334444"]
  }

  assert {
    condition     = one(jsondecode(one(aws_ecr_repository_policy.pull).policy).Statement).Principal.AWS == ["arn:aws:iam::222233334444:root"]
    error_message = "exactly the named accounts"
  }

  assert {
    condition     = !strcontains(one(aws_ecr_repository_policy.pull).policy, "Put")
    error_message = "other accounts must not push"
  }
}

run "production_marks_what_it_runs" {
  command = plan

  variables {
    pull_account_ids      = ["222233334444", "333344445555"]
    production_account_id = "333344445555"
  }

  assert {
    condition = [for statement in jsondecode(one(aws_ecr_repository_policy.pull).policy).Statement : statement.Principal.AWS if contains(statement.Action, "ecr:PutImage")] == [
      ["arn:aws:iam::333344445555:root"],
    ]
    error_message = "production's account alone may name images"
  }

  assert {
    condition     = !strcontains(one(aws_ecr_repository_policy.pull).policy, "Upload")
    error_message = "no other account may push layers"
  }
}

run "refuses_production_that_may_not_pull" {
  command = plan

  variables {
    production_account_id = "333344445555"
  }

  expect_failures = [var.production_account_id]
}

run "refuses_placeholder_account" {
  command = plan

  variables {
    account_id = "000000000000"
  }

  expect_failures = [var.account_id]
}

run "refuses_malformed_pull_account" {
  command = plan

  variables {
    pull_account_ids = ["staging"]
  }

  expect_failures = [var.pull_account_ids]
}
