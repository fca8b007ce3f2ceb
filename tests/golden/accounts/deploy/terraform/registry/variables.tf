variable "account_id" {
  description = "AWS account that holds the images. Any other account is refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id)) && var.account_id != "000000000000"
    error_message = "account_id must be the 12 digits of your AWS account; 000000000000 is only a placeholder."
  }
}

variable "region" {
  description = "AWS region of the repository. The same as the clusters': pulls stay free and fast."
  type        = string
  default     = "eu-west-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "pull_account_ids" {
  description = "Accounts of clusters that pull from here, other than account_id."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.pull_account_ids : can(regex("^[0-9]{12}$", id)) && id != "000000000000"])
    error_message = "pull_account_ids must hold AWS account numbers of 12 digits."
  }
}

variable "production_account_id" {
  description = "Account of production, when it is one of pull_account_ids. It may mark the images that it runs."
  type        = string
  default     = null

  validation {
    condition     = var.production_account_id == null || contains(var.pull_account_ids, coalesce(var.production_account_id, "none"))
    error_message = "production_account_id must be one of pull_account_ids."
  }
}

variable "github_subject_prefix" {
  description = "How GitHub names this repository in its tokens: docs/aws-access.md says how to read it. Without it no role for the pipeline is made."
  type        = string
  default     = null

  validation {
    condition     = var.github_subject_prefix == null || can(regex("^repo:[A-Za-z0-9_.-]+(@[0-9]+)?/[A-Za-z0-9_.-]+(@[0-9]+)?$", var.github_subject_prefix))
    error_message = "github_subject_prefix must look like repo:ORGANISATION@123/REPOSITORY@456, or repo:ORGANISATION/REPOSITORY for an older repository."
  }
}
