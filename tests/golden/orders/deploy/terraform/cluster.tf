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

data "aws_vpc" "cluster" {
  id = data.aws_eks_cluster.this.vpc_config[0].vpc_id

  lifecycle {
    # A network policy that names the wrong one would keep the load balancer out, so with several
    # networks somebody has to say which.
    postcondition {
      condition     = var.vpc_cidr == null ? length(self.cidr_block_associations) == 1 : contains(self.cidr_block_associations[*].cidr_block, var.vpc_cidr)
      error_message = "The VPC of ${var.cluster_name} has the networks ${join(", ", self.cidr_block_associations[*].cidr_block)}: set vpc_cidr to the one that holds the subnets of the load balancers."
    }
  }
}

locals {
  vpc_cidr = coalesce(var.vpc_cidr, data.aws_vpc.cluster.cidr_block)

  # EKS gives cluster DNS the tenth address of the service network.
  # https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html
  dns_cidr = "${cidrhost(one(data.aws_eks_cluster.this.kubernetes_network_config).service_ipv4_cidr, 10)}/32"

  account_root_arn = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"
}
