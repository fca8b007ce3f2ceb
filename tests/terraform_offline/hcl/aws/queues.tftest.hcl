mock_provider "aws" {
  mock_resource "aws_kms_key" {
    defaults = {
      arn = "arn:aws:kms:eu-west-1:111122223333:key/mock"
    }
  }

  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{}"
    }
  }
}

run "planned" {
  command = plan

  assert {
    condition     = aws_sqs_queue.jobs.visibility_timeout_seconds == 180
    error_message = "visibility"
  }
}

run "applied" {
  assert {
    condition     = jsondecode(aws_sqs_queue.jobs.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead.arn
    error_message = "dead-letter queue"
  }

  assert {
    condition     = aws_sqs_queue.jobs.kms_master_key_id == "arn:aws:kms:eu-west-1:111122223333:key/mock"
    error_message = "key"
  }
}
