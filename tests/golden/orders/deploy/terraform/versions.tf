terraform {
  # 1.10: the S3 backend locks by itself (`use_lockfile`), without a DynamoDB table.
  # OpenTofu 1.10 and later reads these files too.
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.8"
    }
  }

  # Where the state lives differs by environment: environments/<environment>.s3.tfbackend
  backend "s3" {}
}
