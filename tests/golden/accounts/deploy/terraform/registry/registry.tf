# One repository for all environments: an image is built once, and the digest that passed in
# staging is the one that runs in production. It has a state of its own because it has to be
# there before the first image, and because destroying an environment must never take the
# images of the others away. Apply it once: scripts/deploy.sh registry

resource "aws_ecr_repository" "service" {
  name                 = local.service
  image_tag_mutability = "IMMUTABLE" # a tag can never point to something else tomorrow

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.registry.arn
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_ecr_lifecycle_policy" "service" {
  repository = aws_ecr_repository.service.name

  # What runs must still be pullable when a node is replaced. scripts/deploy.sh tags what goes to
  # production with prod-…; an image that a rule selects by its tags is out of reach of the rules
  # after it, so of those images only the second hundred is ever forgotten. Other environments may
  # be 300 builds behind. Untagged manifests are left alone: cosign stores signatures and SBOMs
  # that way, as referrers of the image, and the registry removes them with it.
  # https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Keep the newest 100 images that production has run"
        action       = { type = "expire" }
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["prod-*"]
          countType      = "imageCountMoreThan"
          countNumber    = 100
        }
      },
      {
        rulePriority = 2
        description  = "Keep the newest 300 builds"
        action       = { type = "expire" }
        selection = {
          tagStatus      = "tagged"
          tagPatternList = ["*"]
          countType      = "imageCountMoreThan"
          countNumber    = 300
        }
      },
    ]
  })
}

# Clusters in other accounts pull from here. Their pipeline roles look images up and, in
# production's account, mark them: without the actions that upload layers, PutImage can do no more
# than name what is here already, and no tag can be moved.
resource "aws_ecr_repository_policy" "pull" {
  count = length(var.pull_account_ids) == 0 ? 0 : 1

  repository = aws_ecr_repository.service.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "PullFromOtherEnvironments"
        Effect    = "Allow"
        Principal = { AWS = [for id in var.pull_account_ids : "arn:${data.aws_partition.current.partition}:iam::${id}:root"] }
        Action    = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"]
      }],
      [for id in var.production_account_id[*] : {
        Sid       = "KeepWhatProductionRuns"
        Effect    = "Allow"
        Principal = { AWS = ["arn:${data.aws_partition.current.partition}:iam::${id}:root"] }
        Action    = ["ecr:PutImage"]
      }],
    )
  })
}

output "repository_url" {
  description = "Where the workflow pushes images to."
  value       = aws_ecr_repository.service.repository_url
}
