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

      cluster_security_group_id = "sg-0123456789abcdef0"
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

mock_data "aws_subnet" {
  defaults = {
    vpc_id                  = "vpc-0123456789abcdef0"
    cidr_block              = "10.20.8.0/24"
    map_public_ip_on_launch = false
  }
}

mock_resource "aws_secretsmanager_secret" {
  defaults = {
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:accounts-abcdef"
  }
}

mock_resource "aws_kms_key" {
  defaults = {
    arn = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  }
}

mock_resource "aws_sns_topic" {
  defaults = {
    arn = "arn:aws:sns:eu-west-1:111122223333:accounts-alarms"
  }
}

# A load balancer as the controller makes it. Tests of the first deployment override this.
mock_data "aws_lbs" {
  defaults = {
    arns = ["arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/accounts/0123456789abcdef"]
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
    arn = "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/accounts/11111111-2222-3333-4444-555555555555"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-west-1:111122223333:log-group:aws-waf-logs-accounts"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::111122223333:role/accounts"
  }
}

mock_resource "aws_db_instance" {
  defaults = {
    arn         = "arn:aws:rds:eu-west-1:111122223333:db:accounts"
    address     = "accounts.abcdefghijkl.eu-west-1.rds.amazonaws.com"
    resource_id = "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    master_user_secret = [{
      secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!db-11111111-2222-3333-4444-555555555555-abcdef"
    }]
  }
}

mock_resource "aws_db_proxy" {
  defaults = {
    arn      = "arn:aws:rds:eu-west-1:111122223333:db-proxy:prx-0123456789abcdef0"
    endpoint = "accounts.proxy-abcdefghijkl.eu-west-1.rds.amazonaws.com"
  }
}

mock_resource "aws_elasticache_replication_group" {
  defaults = {
    primary_endpoint_address = "master.accounts.abcdef.euw1.cache.amazonaws.com"
  }
}

mock_resource "aws_s3_bucket" {
  defaults = {
    arn = "arn:aws:s3:::accounts-backup"
  }
}

mock_resource "aws_backup_vault" {
  defaults = {
    arn = "arn:aws:backup:eu-west-1:111122223333:backup-vault:accounts"
  }
}
