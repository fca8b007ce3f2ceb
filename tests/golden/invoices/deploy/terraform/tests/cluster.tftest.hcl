# What the network policies are told about the cluster, and the clusters they do not fit.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  environment  = "staging"
  account_id   = "111122223333"
  cluster_name = "main"
  alarm_emails = ["on-call@example.com"]

  keda_operator_role_arn = "arn:aws:iam::111122223333:role/keda-operator"
}

run "networks_of_the_cluster" {
  command = plan

  assert {
    condition     = output.kubernetes.dns_cidr == "172.20.0.10/32"
    error_message = "the network policies need the address of cluster DNS"
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
