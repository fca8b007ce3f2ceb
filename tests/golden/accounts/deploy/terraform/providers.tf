provider "aws" {
  region = var.region

  # Wrong credentials stop the plan instead of changing another account.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}
