terraform {
  # 1.10: the S3 backend locks by itself (`use_lockfile`), without a DynamoDB table.
  # 1.11: write-only arguments, by which no password gets into the state; OpenTofu has them as well.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.62"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # Where the state lives differs by environment: environments/<environment>.s3.tfbackend
  backend "s3" {}
}
