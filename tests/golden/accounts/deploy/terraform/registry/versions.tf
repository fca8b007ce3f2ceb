terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.8"
    }
  }

  # registry.s3.tfbackend
  backend "s3" {}
}

provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Service     = local.service
      Environment = "shared"
      Owner       = "team-accounts"
      ManagedBy   = "terraform"
    }
  }
}

locals {
  service = "accounts"
}
