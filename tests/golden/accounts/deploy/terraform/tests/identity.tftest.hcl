# The pods get a role that only they can use.

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

run "role_belongs_to_one_service_account" {
  command = apply

  assert {
    condition     = one(jsondecode(aws_iam_role.workload.assume_role_policy).Statement).Principal == { Service = "pods.eks.amazonaws.com" }
    error_message = "only EKS Pod Identity may assume the role"
  }

  assert {
    condition = one(jsondecode(aws_iam_role.workload.assume_role_policy).Statement).Condition == {
      StringEquals = {
        "aws:RequestTag/eks-cluster-arn"            = "arn:aws:eks:eu-west-1:111122223333:cluster/main"
        "aws:RequestTag/kubernetes-namespace"       = "accounts-staging"
        "aws:RequestTag/kubernetes-service-account" = "accounts"
      }
    }
    error_message = "the role must be pinned to cluster, namespace and service account"
  }

  assert {
    condition     = aws_eks_pod_identity_association.workload.namespace == "accounts-staging" && aws_eks_pod_identity_association.workload.service_account == "accounts"
    error_message = "the association must name the service account of the manifests"
  }

  assert {
    condition     = length(aws_iam_role.workload.name) <= 64
    error_message = "IAM allows 64 characters for the name of a role"
  }
}

run "refuses_malformed_boundary" {
  command = plan

  variables {
    permissions_boundary_arn = "boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}
