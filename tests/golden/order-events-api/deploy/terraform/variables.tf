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
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must look like eu-west-1."
  }
}

variable "cluster_name" {
  description = "Name of the existing EKS cluster. The VPC is the cluster's."
  type        = string

  # https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
  validation {
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z_-]{0,99}$", var.cluster_name)) && var.cluster_name != "replace-me"
    error_message = "cluster_name must be the name of an existing EKS cluster: letters, digits, - and _, at most 100."
  }
}

variable "vpc_cidr" {
  description = "Network that the load balancer's subnets lie in. Only needed when the VPC has more than one, such as a second one for pods."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_cidr == null || can(cidrnetmask(var.vpc_cidr))
    error_message = "vpc_cidr must be an IPv4 network such as 10.20.0.0/16."
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

variable "zone_name" {
  description = "Existing public Route 53 zone that the host name belongs to."
  type        = string
  default     = "shop.example"

  validation {
    condition     = endswith(local.settings.hostname, ".${var.zone_name}")
    error_message = "zone_name must be a parent of the host name ${local.settings.hostname} (ingress.domain in sm.yaml)."
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
