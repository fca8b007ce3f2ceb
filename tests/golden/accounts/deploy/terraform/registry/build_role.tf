# The role of the job "Build" in .github/workflows/deploy.yaml: it pushes to this repository and
# can do nothing else. Whoever may run a job in the GitHub environments `build` (main alone) or
# `build-dev` (any branch) has it. An image of a branch stays in dev: the other environments ask
# for the signature of main.

data "aws_iam_openid_connect_provider" "github" {
  count = local.build_roles

  # One an account; docs/aws-access.md says how to make it.
  url = "https://token.actions.githubusercontent.com"
}

resource "aws_iam_role" "build" {
  count = local.build_roles

  name        = "${local.service}-build"
  description = "GitHub Actions builds images of ${local.service}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTheBuildOfThisRepository"
      Effect    = "Allow"
      Principal = { Federated = one(data.aws_iam_openid_connect_provider.github).arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = [for name in ["build", "build-dev"] : "${var.github_subject_prefix}:environment:${name}"]
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "push" {
  count = local.build_roles

  name = "push"
  role = one(aws_iam_role.build).id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "SignIn"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = "*" # AWS knows no narrower resource for it
      },
      {
        Sid    = "Push"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability",
          "ecr:BatchGetImage",
          "ecr:CompleteLayerUpload",
          "ecr:GetDownloadUrlForLayer",
          "ecr:InitiateLayerUpload",
          "ecr:PutImage",
          "ecr:UploadLayerPart",
        ]
        Resource = aws_ecr_repository.service.arn
      },
    ]
  })
}

locals {
  build_roles = var.github_subject_prefix == null ? 0 : 1
}

output "build_role_arn" {
  description = "AWS_BUILD_ROLE_ARN of the GitHub repository; empty when the role is made elsewhere."
  value       = join("", aws_iam_role.build[*].arn)
}
