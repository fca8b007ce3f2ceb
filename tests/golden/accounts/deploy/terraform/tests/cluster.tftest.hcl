# What the network policies are told about the cluster, and the clusters they do not fit.

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

run "refuses_a_subnet_of_another_network" {
  command = plan

  override_data {
    target = data.aws_subnet.data
    values = {
      vpc_id                  = "vpc-99999999999999999"
      map_public_ip_on_launch = false
    }
  }

  expect_failures = [data.aws_subnet.data]
}

run "refuses_a_public_subnet" {
  command = plan

  override_data {
    target = data.aws_subnet.data
    values = {
      vpc_id                  = "vpc-0123456789abcdef0"
      map_public_ip_on_launch = true
    }
  }

  expect_failures = [data.aws_subnet.data]
}

run "finds_the_network_of_the_data" {
  command = plan

  variables {
    vpc_cidr = "100.64.0.0/16"
  }

  override_data {
    target = data.aws_vpc.cluster
    values = {
      cidr_block              = "100.64.0.0/16"
      cidr_block_associations = [{ cidr_block = "100.64.0.0/16" }, { cidr_block = "10.20.0.0/16" }]
    }
  }

  assert {
    condition     = output.kubernetes.data_cidr == "10.20.0.0/16"
    error_message = "pods must be let to where the data subnets are, whatever network they are in themselves"
  }
}

run "refuses_data_in_several_networks" {
  command = plan

  variables {
    vpc_cidr = "10.20.0.0/17"
  }

  override_data {
    target = data.aws_vpc.cluster
    values = {
      cidr_block              = "10.20.0.0/17"
      cidr_block_associations = [{ cidr_block = "10.20.0.0/17" }, { cidr_block = "10.20.128.0/17" }]
    }
  }

  override_data {
    target = data.aws_subnet.data["subnet-0bbbbbbbbbbbbbbbb"]
    values = {
      vpc_id                  = "vpc-0123456789abcdef0"
      cidr_block              = "10.20.131.0/24"
      map_public_ip_on_launch = false
    }
  }

  expect_failures = [output.kubernetes]
}

run "refuses_a_single_subnet" {
  command = plan

  variables {
    data_subnet_ids = ["subnet-0aaaaaaaaaaaaaaaa"]
  }

  expect_failures = [var.data_subnet_ids]
}

run "refuses_a_malformed_security_group" {
  command = plan

  variables {
    client_security_group_ids = ["default"]
  }

  expect_failures = [var.client_security_group_ids]
}
