# What the tests find in AWS. `terraform test` invents what is not said here; ARNs are said,
# because the provider refuses invented ones where it takes them in.

mock_data "aws_partition" {
  defaults = {
    partition = "aws"
  }
}

mock_data "aws_eks_cluster" {
  defaults = {
    arn = "arn:aws:eks:eu-west-1:111122223333:cluster/main"
    vpc_config = [{
      vpc_id = "vpc-0123456789abcdef0"
    }]
    kubernetes_network_config = [{
      ip_family         = "ipv4"
      service_ipv4_cidr = "172.20.0.0/16"
    }]
  }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  }
}

mock_resource "aws_sns_topic" {
  defaults = {
    arn = "arn:aws:sns:eu-west-1:111122223333:invoices-alarms"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::111122223333:role/invoices"
  }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-west-1:111122223333:invoices"
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/invoices"
  }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/invoices-idempotency"
  }
}
