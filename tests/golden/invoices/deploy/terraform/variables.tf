variable "environment" {
  description = "Which environment this state belongs to."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be one of dev, staging, prod."
  }
}

variable "account_id" {
  description = "AWS account of the environment. Any other account is refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id)) && var.account_id != "000000000000"
    error_message = "account_id must be the 12 digits of your AWS account; 000000000000 is only a placeholder."
  }
}

variable "region" {
  description = "AWS region of the cluster."
  type        = string
  default     = "eu-west-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "cluster_name" {
  description = "Name of the existing EKS cluster."
  type        = string

  # https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", var.cluster_name)) && var.cluster_name != "replace-me"
    error_message = "cluster_name must be the name of an existing EKS cluster: letters, digits, - and _, at most 100."
  }
}

variable "alarm_emails" {
  description = "Addresses that CloudWatch alarms are mailed to. Each has to confirm the subscription once. May be empty when the topic is subscribed elsewhere."
  type        = list(string)

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address)) && !startswith(address, "replace-me")])
    error_message = "alarm_emails must hold e-mail addresses; replace-me@… is only a placeholder."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary for IAM roles, when your organisation asks for one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy."
  }
}

variable "producer_role_arns" {
  description = "IAM roles of other services that may send tasks. In another account, the role itself needs sqs:SendMessage, kms:GenerateDataKey and kms:Decrypt as well."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.producer_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[\\w+=,.@/-]+$", arn))])
    error_message = "producer_role_arns must hold ARNs of IAM roles."
  }
}

variable "topic_arns" {
  description = "SNS topics whose messages are tasks: the attribute `task` names the handler, the body is its JSON. An ordered queue takes FIFO topics, any other queue takes none of those."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.topic_arns : can(regex("^arn:[a-z-]+:sns:${var.region}:[0-9]{12}:[\\w-]+(\\.fifo)?$", arn))])
    error_message = "topic_arns must hold ARNs of SNS topics in ${var.region}."
  }

  # SNS asks for a dead-letter queue of the topic's kind, and a standard topic cannot feed a FIFO queue.
  validation {
    condition     = alltrue([for arn in var.topic_arns : endswith(arn, ".fifo") == local.settings.queue.ordered])
    error_message = "topic_arns must all be ${local.settings.queue.ordered ? "FIFO topics, like the queue (queue.ordered in sm.yaml)" : "standard topics, like the queue (queue.ordered in sm.yaml)"}."
  }
}

variable "keda_operator_role_arn" {
  description = "IAM role of the cluster's KEDA operator, in this account. It takes the role that reads the length of the queue."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:iam::${var.account_id}:role/[\\w+=,.@/-]+$", var.keda_operator_role_arn)) && !endswith(var.keda_operator_role_arn, "/replace-me")
    error_message = "keda_operator_role_arn must be the ARN of an IAM role of account ${var.account_id}; replace-me is only a placeholder."
  }
}
