# KEDA asks SQS how many messages wait. Its operator serves the whole cluster, so it takes this role
# for this queue, which allows that question and nothing else. It cannot take the role of the pods:
# that one is given out by EKS Pod Identity, to their ServiceAccount alone.
# https://keda.sh/docs/latest/authentication-providers/aws/

resource "aws_iam_role" "keda" {
  name                 = "${local.name}-keda"
  description          = "KEDA reads the length of the queue of ${local.service} in ${var.environment}"
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTheOperatorOfKeda"
      Effect    = "Allow"
      Principal = { AWS = var.keda_operator_role_arn }

      # The tags that EKS Pod Identity gives the operator's session go along into this one, and STS
      # refuses a session whose tags the role does not take.
      # https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html
      Action = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy" "keda" {
  name = "queue-length"
  role = aws_iam_role.keda.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ReadQueueLength"
      Effect   = "Allow"
      Action   = "sqs:GetQueueAttributes"
      Resource = aws_sqs_queue.tasks.arn
    }]
  })
}
