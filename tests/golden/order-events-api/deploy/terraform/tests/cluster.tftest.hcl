# What the network policies are told about the cluster, and the clusters they do not fit.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  environment  = "staging"
  account_id   = "111122223333"
  cluster_name = "main"
  alarm_emails = ["on-call@example.com"]
}

run "networks_of_the_cluster" {
  command = plan

  assert {
    condition     = output.kubernetes.vpc_cidr == "10.20.0.0/16" && output.kubernetes.dns_cidr == "172.20.0.10/32"
    error_message = "the network policies need the network of the VPC and the address of cluster DNS"
  }
}

run "refuses_a_cluster_of_ipv6" {
  command = plan

  override_data {
    target = data.aws_eks_cluster.this
    values = {
      vpc_config                = [{ vpc_id = "vpc-0123456789abcdef0" }]
      kubernetes_network_config = [{ ip_family = "ipv6", service_ipv4_cidr = "172.20.0.0/16" }]
    }
  }

  expect_failures = [data.aws_eks_cluster.this]
}

run "refuses_to_guess_between_networks" {
  command = plan

  override_data {
    target = data.aws_vpc.cluster
    values = {
      cidr_block              = "10.20.0.0/16"
      cidr_block_associations = [{ cidr_block = "10.20.0.0/16" }, { cidr_block = "100.64.0.0/16" }]
    }
  }

  expect_failures = [data.aws_vpc.cluster]
}

run "takes_the_network_that_was_chosen" {
  command = plan

  variables {
    vpc_cidr = "100.64.0.0/16"
  }

  override_data {
    target = data.aws_vpc.cluster
    values = {
      cidr_block              = "10.20.0.0/16"
      cidr_block_associations = [{ cidr_block = "10.20.0.0/16" }, { cidr_block = "100.64.0.0/16" }]
    }
  }

  assert {
    condition     = output.kubernetes.vpc_cidr == "100.64.0.0/16"
    error_message = "the chosen network must reach the network policy"
  }
}

run "refuses_a_network_of_another_vpc" {
  command = plan

  variables {
    vpc_cidr = "10.99.0.0/16"
  }

  expect_failures = [data.aws_vpc.cluster]
}

run "refuses_a_malformed_network" {
  command = plan

  variables {
    vpc_cidr = "everything"
  }

  expect_failures = [var.vpc_cidr]
}
