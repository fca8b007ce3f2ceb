# The pods' own AWS identity, by EKS Pod Identity: no keys, nothing to rotate.
# https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html (needs the
# eks-pod-identity-agent add-on; it is part of EKS Auto Mode; not available on Fargate)
#
# The role starts without a single permission. What the service may do is added one
# `aws_iam_role_policy` a purpose, beside the resource it is for. The empty role has its use:
# a pod that has an identity of its own never falls back on the node's.

resource "aws_iam_role" "workload" {
  name                 = local.name
  description          = "Pods of ${local.service} in ${var.environment}"
  permissions_boundary = var.permissions_boundary_arn

  # Without the conditions any pod identity association of the account could use the role.
  # EKS sets the tags; a pod cannot choose them.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThisServiceAccount"
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-arn"            = data.aws_eks_cluster.this.arn
          "aws:RequestTag/kubernetes-namespace"       = local.settings.namespace
          "aws:RequestTag/kubernetes-service-account" = local.service
        }
      }
    }]
  })
}

resource "aws_eks_pod_identity_association" "workload" {
  cluster_name    = data.aws_eks_cluster.this.name
  namespace       = local.settings.namespace
  service_account = local.service
  role_arn        = aws_iam_role.workload.arn
}
