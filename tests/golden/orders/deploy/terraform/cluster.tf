# The cluster, its network and the account exist already; everything here is looked up.

data "aws_partition" "current" {}

data "aws_eks_cluster" "this" {
  name = var.cluster_name
}

data "aws_vpc" "cluster" {
  id = data.aws_eks_cluster.this.vpc_config[0].vpc_id
}

locals {
  account_root_arn = "arn:${data.aws_partition.current.partition}:iam::${var.account_id}:root"
}
