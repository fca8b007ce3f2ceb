# The role that builds: who may have it, and how little it may do.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_data "aws_iam_openid_connect_provider" {
    defaults = {
      arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    }
  }
}

variables {
  account_id            = "111122223333"
  github_subject_prefix = "repo:shop@123/accounts@456"
}

run "only_the_build_jobs_of_this_repository" {
  command = plan

  assert {
    condition = one(jsondecode(one(aws_iam_role.build).assume_role_policy).Statement).Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = [
          "repo:shop@123/accounts@456:environment:build",
          "repo:shop@123/accounts@456:environment:build-dev",
        ]
      }
    }
    error_message = "the role must be pinned to the two environments that build"
  }
}

run "no_role_unless_it_is_asked_for" {
  command = plan

  variables {
    github_subject_prefix = null
  }

  assert {
    condition     = length(aws_iam_role.build) == 0 && output.build_role_arn == ""
    error_message = "an organisation that makes its roles elsewhere gets none"
  }
}

run "refuses_a_pattern_for_a_subject" {
  command = plan

  variables {
    github_subject_prefix = "repo:shop/*"
  }

  expect_failures = [var.github_subject_prefix]
}
