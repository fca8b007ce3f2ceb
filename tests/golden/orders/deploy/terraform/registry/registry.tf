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

  # An image may come with two more tags, for its signature and its SBOM: 300 tags are at least
  # 100 builds. What runs must still be pullable when a node is replaced, so an environment that
  # is 100 builds behind has to be deployed again. Untagged manifests are left alone: signatures
  # are stored that way, too.
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the newest 300 tags"
      action       = { type = "expire" }
      selection = {
        tagStatus      = "tagged"
        tagPatternList = ["*"]
        countType      = "imageCountMoreThan"
        countNumber    = 300
      }
    }]
  })
}

# Clusters in other accounts pull from here.
resource "aws_ecr_repository_policy" "pull" {
  count = length(var.pull_account_ids) == 0 ? 0 : 1

  repository = aws_ecr_repository.service.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "PullFromOtherEnvironments"
      Effect    = "Allow"
      Principal = { AWS = [for id in var.pull_account_ids : "arn:${data.aws_partition.current.partition}:iam::${id}:root"] }
      Action    = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

output "repository_url" {
  description = "Where the workflow pushes images to."
  value       = aws_ecr_repository.service.repository_url
}
