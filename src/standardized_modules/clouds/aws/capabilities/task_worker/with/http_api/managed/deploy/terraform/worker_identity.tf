# The worker's own AWS identity. The API answers strangers, so whoever gets into it should find the
# right to send tasks, and neither those of others nor the record of what was done.

resource "aws_iam_role" "worker" {
  name                 = "${local.name}-worker"
  description          = "Worker pods of ${local.service} in ${var.environment}"
  permissions_boundary = var.permissions_boundary_arn

  # As in identity.tf: EKS sets the tags; a pod cannot choose them.
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
          "aws:RequestTag/kubernetes-service-account" = "${local.service}-worker"
        }
      }
    }]
  })
}

resource "aws_eks_pod_identity_association" "worker" {
  cluster_name    = data.aws_eks_cluster.this.name
  namespace       = local.settings.namespace
  service_account = "${local.service}-worker"
  role_arn        = aws_iam_role.worker.arn
}

# The role of identity.tf is the API's.
resource "aws_iam_role_policy" "enqueue" {
  name = "enqueue"
  role = aws_iam_role.workload.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "SendTasks"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = aws_sqs_queue.tasks.arn
    }]
  })
}
