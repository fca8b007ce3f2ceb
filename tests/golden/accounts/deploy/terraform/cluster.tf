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

data "aws_subnet" "data" {
  for_each = toset(var.data_subnet_ids)

  id = each.value

  lifecycle {
    postcondition {
      condition     = self.vpc_id == data.aws_eks_cluster.this.vpc_config[0].vpc_id
      error_message = "Subnet ${self.id} is in ${self.vpc_id}, the cluster in ${data.aws_eks_cluster.this.vpc_config[0].vpc_id}: pods would not reach what lies in it."
    }

    postcondition {
      condition     = !self.map_public_ip_on_launch
      error_message = "Subnet ${self.id} gives out public addresses: data_subnet_ids takes private ones."
    }
  }
}

locals {
  vpc_id = data.aws_eks_cluster.this.vpc_config[0].vpc_id

  # Ordered, so that a plan does not change with the order in tfvars.
  data_subnet_ids = sort([for subnet in data.aws_subnet.data : subnet.id])

  # The network of the VPC that these lie in: a subnet's address, cut to the length of a network's
  # prefix, is that network.
  data_networks = distinct(flatten([for subnet in data.aws_subnet.data : [
    for network in data.aws_vpc.cluster.cidr_block_associations[*].cidr_block : network
    if cidrsubnet("${cidrhost(subnet.cidr_block, 0)}/${split("/", network)[1]}", 0, 0) == network
  ]]))

  # Pods send with the security groups of their nodes: in EKS Auto Mode and managed node groups the
  # cluster's, otherwise those of client_security_group_ids.
  # https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
  client_security_group_ids = toset(length(var.client_security_group_ids) > 0 ? var.client_security_group_ids : [data.aws_eks_cluster.this.vpc_config[0].cluster_security_group_id])

  vpc_cidr = coalesce(var.vpc_cidr, data.aws_vpc.cluster.cidr_block)

  # EKS gives cluster DNS the tenth address of the service network.
  # https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html
  dns_cidr = "${cidrhost(one(data.aws_eks_cluster.this.kubernetes_network_config).service_ipv4_cidr, 10)}/32"

  account_root_arn = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"
}
