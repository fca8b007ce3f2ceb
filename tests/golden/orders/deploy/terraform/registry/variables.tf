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
