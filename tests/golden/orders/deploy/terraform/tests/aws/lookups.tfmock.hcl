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

mock_data "aws_vpc" {
  defaults = {
    cidr_block = "10.20.0.0/16"
    cidr_block_associations = [{
      cidr_block = "10.20.0.0/16"
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
    arn = "arn:aws:sns:eu-west-1:111122223333:orders-alarms"
  }
}

# A load balancer as the controller makes it. Tests of the first deployment override this.
mock_data "aws_lbs" {
  defaults = {
    arns = ["arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/orders/0123456789abcdef"]
  }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:eu-west-1:111122223333:certificate/11111111-2222-3333-4444-555555555555"
    domain_validation_options = [{
      domain_name           = "service.example.com"
      resource_record_name  = "_challenge.service.example.com"
      resource_record_type  = "CNAME"
      resource_record_value = "_answer.acm-validations.aws"
    }]
  }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = {
    arn = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/orders/11111111-2222-3333-4444-555555555555"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-west-1:111122223333:log-group:aws-waf-logs-orders"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::111122223333:role/orders"
  }
}
