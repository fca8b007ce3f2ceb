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

variable "data_subnet_ids" {
  description = "Private subnets of the cluster's VPC for what holds data, in two zones at least."
  type        = list(string)

  # A standby in another zone needs a subnet there, and RDS asks for two zones in any case.
  validation {
    condition     = length(toset(var.data_subnet_ids)) >= 2 && alltrue([for id in var.data_subnet_ids : can(regex("^subnet-[0-9a-z]+$", id))])
    error_message = "data_subnet_ids must hold two or more subnets like subnet-0123456789abcdef0; replace-me is only a placeholder."
  }
}

variable "client_security_group_ids" {
  description = "Security groups of the nodes that the pods run on, when they are not the cluster's own."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.client_security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "client_security_group_ids must hold security groups like sg-0123456789abcdef0."
  }
}

variable "zone_name" {
  description = "Existing public Route 53 zone that the host name belongs to."
  type        = string
  default     = "example.com"

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

variable "database_admin_password_version" {
  description = "Raise it for a new password of the administrator where Terraform makes it: in environments with read replicas. Elsewhere RDS makes a new one every week. Raise it as well when an apply ended between server and secret, and when a restored server was imported."
  type        = number
  default     = 1

  validation {
    condition     = var.database_admin_password_version >= 1 && floor(var.database_admin_password_version) == var.database_admin_password_version
    error_message = "database_admin_password_version must be a whole number from 1."
  }
}

variable "allow_major_database_upgrade" {
  description = "Whether this apply may move the database to another major version of PostgreSQL, at once (docs/delivery.md). Takes the database away for minutes; there is no way back but a restore."
  type        = bool
  default     = false
}

variable "cache_password_version" {
  description = "Raise it for a new password of the cache. Pods read it within two minutes; until then, new connections are refused and the service works without its cache. Raise it as well when an apply ended between user and secret."
  type        = number
  default     = 1

  validation {
    condition     = var.cache_password_version >= 1 && floor(var.cache_password_version) == var.cache_password_version
    error_message = "cache_password_version must be a whole number from 1."
  }
}
