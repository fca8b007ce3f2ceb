# The cluster, its network and the account exist already; everything here is looked up.

data "aws_partition" "current" {}

data "aws_eks_cluster" "this" {
  name = var.cluster_name

  lifecycle {
    # The network policies name IPv4 networks; in an IPv6 cluster they would let nothing through.
    postcondition {
      condition     = one(self.kubernetes_network_config).ip_family == "ipv4"
      error_message = "Cluster ${var.cluster_name} gives its pods IPv6 addresses; the network policies of this service are made for IPv4."
    }
  }
}

locals {
  # EKS gives cluster DNS the tenth address of the service network.
  # https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html
  dns_cidr = "${cidrhost(one(data.aws_eks_cluster.this.kubernetes_network_config).service_ipv4_cidr, 10)}/32"

  account_root_arn = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"
}
