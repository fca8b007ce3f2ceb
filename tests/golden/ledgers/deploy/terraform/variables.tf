variable "environment" {
  description = "Which environment this state belongs to."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment must be one of dev, staging, prod."
  }
}

variable "subscription_id" {
  description = "Azure subscription of the environment; it holds the cluster and the resource group of the service."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id)) && var.subscription_id != "00000000-0000-0000-0000-000000000000"
    error_message = "subscription_id must be the GUID of your subscription in small letters; all zeros are only a placeholder."
  }
}

variable "cluster_name" {
  description = "Name of the existing AKS cluster."
  type        = string

  # https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftcontainerservice
  validation {
    condition     = can(regex("^[0-9A-Za-z]([0-9A-Za-z_-]{0,61}[0-9A-Za-z])?$", var.cluster_name)) && var.cluster_name != "replace-me"
    error_message = "cluster_name must be the name of an existing AKS cluster: letters, digits, - and _, at most 63."
  }
}

variable "cluster_resource_group" {
  description = "Resource group of the AKS cluster; not the one that AKS makes for its nodes."
  type        = string

  # https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources
  validation {
    condition     = can(regex("^[-\\w.()]{0,89}[-\\w()]$", var.cluster_resource_group)) && var.cluster_resource_group != "replace-me"
    error_message = "cluster_resource_group must be the name of a resource group: letters, digits, and any of . _ - ( ), at most 90, not ending in a full stop."
  }
}

variable "private_endpoint_subnet_id" {
  description = "Subnet for private endpoints, in reach of the cluster: what holds data has no public address."
  type        = string

  validation {
    condition     = can(regex("^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft.Network/virtualNetworks/[^/]+/subnets/[^/]+$", var.private_endpoint_subnet_id)) && !endswith(var.private_endpoint_subnet_id, "/replace-me")
    error_message = "private_endpoint_subnet_id must be the resource ID of a subnet; replace-me is only a placeholder."
  }
}

variable "log_analytics_workspace_id" {
  description = "Resource ID of the Log Analytics workspace that logs of the service's resources go to. Not looked up by name: that would write the workspace's keys into Terraform's state."
  type        = string

  validation {
    condition     = can(regex("^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft.OperationalInsights/workspaces/[^/]+$", var.log_analytics_workspace_id)) && !endswith(var.log_analytics_workspace_id, "/replace-me")
    error_message = "log_analytics_workspace_id must be a resource ID: /subscriptions/…/resourceGroups/…/providers/Microsoft.OperationalInsights/workspaces/…"
  }
}

variable "alert_emails" {
  description = "Addresses that alerts of Azure Monitor are mailed to. May be empty when the action group is given other receivers."
  type        = list(string)

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address)) && !startswith(address, "replace-me")])
    error_message = "alert_emails must hold e-mail addresses; replace-me@… is only a placeholder."
  }
}

variable "load_balancer_subnet_id" {
  description = "Resource ID of the subnet of the cluster's virtual network that the load balancer's private address is taken from; that of the nodes, or another one that is delegated to nothing."
  type        = string

  validation {
    condition     = can(regex("^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft.Network/virtualNetworks/[^/]+/subnets/[^/]+$", var.load_balancer_subnet_id)) && !endswith(var.load_balancer_subnet_id, "/replace-me")
    error_message = "load_balancer_subnet_id must be a resource ID: /subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/…/subnets/…"
  }
}

variable "load_balancer_address" {
  description = "Private address in that subnet which nothing else has; neither of its first four nor its last one, which Azure keeps."
  type        = string

  validation {
    condition     = can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.load_balancer_address)) && can(cidrnetmask("${var.load_balancer_address}/32"))
    error_message = "load_balancer_address must be a private IPv4 address such as 10.20.9.10."
  }
}

variable "zone_name" {
  description = "Existing private DNS zone that the host name belongs to, linked with the networks that ask for it."
  type        = string
  default     = "example.com"

  validation {
    condition     = endswith(local.settings.hostname, ".${var.zone_name}")
    error_message = "zone_name must be a parent of the host name ${local.settings.hostname} (ingress.domain in sm.yaml)."
  }
}

variable "zone_resource_group" {
  description = "Resource group of the DNS zone."
  type        = string

  validation {
    condition     = can(regex("^[-\\w.()]{0,89}[-\\w()]$", var.zone_resource_group)) && var.zone_resource_group != "replace-me"
    error_message = "zone_resource_group must be the name of a resource group."
  }
}

variable "database_private_dns_zone_id" {
  description = "Private DNS zone privatelink.postgres.database.azure.com that the private endpoints are entered in. Null where a policy does that."
  type        = string
  default     = null

  validation {
    condition     = var.database_private_dns_zone_id == null || can(regex("/privateDnsZones/privatelink\\.postgres\\.database\\.azure\\.com$", var.database_private_dns_zone_id))
    error_message = "database_private_dns_zone_id must be the resource ID of the zone privatelink.postgres.database.azure.com."
  }
}

variable "database_standby_region" {
  description = "Region of one more replica that serves no reads and can be made the primary when the service's region is gone: it loses seconds instead of an hour, and costs as much as a replica."
  type        = string
  default     = null

  validation {
    condition     = var.database_standby_region == null || can(regex("^[a-z]{3,20}[0-9]?$", var.database_standby_region))
    error_message = "database_standby_region must be a region such as northeurope."
  }

  # https://learn.microsoft.com/azure/postgresql/read-replica/concepts-read-replicas
  validation {
    condition     = var.database_standby_region == null || (!local.settings.database.burstable && local.settings.database.replicas <= 4)
    error_message = "database_standby_region needs a database.size that is not burstable, and database.replicas of 4 at most: a server has five replicas."
  }
}

variable "database_server_name" {
  description = "Name of the server that was restored in place of the first one (docs/runbook.md). Null is the name that Terraform makes up."
  type        = string
  default     = null

  validation {
    condition     = var.database_server_name == null || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.database_server_name))
    error_message = "database_server_name must have 3 to 63 small letters, digits and hyphens."
  }
}

variable "database_admin_password_version" {
  description = "Raise it for a new password of the administrator, and when an apply ended between server and secret."
  type        = number
  default     = 1

  validation {
    condition     = var.database_admin_password_version >= 1 && floor(var.database_admin_password_version) == var.database_admin_password_version
    error_message = "database_admin_password_version must be a whole number from 1."
  }
}

variable "private_key_vault" {
  description = "Whether the Key Vault has a private address only. Terraform writes secrets, so it must then run inside the network."
  type        = bool
  default     = false
}

variable "key_vault_private_dns_zone_id" {
  description = "Private DNS zone privatelink.vaultcore.azure.net that the private endpoint is entered in. Null where a policy does that."
  type        = string
  default     = null

  validation {
    condition     = var.key_vault_private_dns_zone_id == null || can(regex("/privateDnsZones/privatelink\\.vaultcore\\.azure\\.net$", var.key_vault_private_dns_zone_id))
    error_message = "key_vault_private_dns_zone_id must be the resource ID of the zone privatelink.vaultcore.azure.net."
  }
}

variable "data_encryption" {
  description = "A Key Vault key of yours that encrypts database and backups, without version so that it can rotate, and the resource ID of an identity that may use it (Key Vault Crypto Service Encryption User). backup_*: the same in the paired region, for geo-redundant backups, and in database_standby_region. Null is Microsoft's key. Can only be chosen when a server is made."
  type = object({
    key_id             = string
    identity_id        = string
    backup_key_id      = optional(string)
    backup_identity_id = optional(string)
  })
  default = null

  validation {
    condition     = alltrue([for id in compact(flatten([for key in var.data_encryption[*] : [key.key_id, key.backup_key_id]])) : can(regex("^https://[0-9A-Za-z-]+\\.vault\\.azure\\.net/keys/[0-9A-Za-z-]+$", id))])
    error_message = "The keys of data_encryption must look like https://VAULT.vault.azure.net/keys/NAME."
  }

  # https://learn.microsoft.com/azure/postgresql/security/security-data-encryption
  validation {
    condition     = (!local.settings.database.cross_region_backup && var.database_standby_region == null) || alltrue([for key in var.data_encryption[*] : key.backup_key_id != null && key.backup_identity_id != null])
    error_message = "data_encryption needs backup_key_id and backup_identity_id: what lies in another region is encrypted by a key there."
  }
}

variable "cache_private_dns_zone_id" {
  description = "Private DNS zone privatelink.redis.azure.net that the private endpoint is entered in. Null where a policy does that."
  type        = string
  default     = null

  validation {
    condition     = var.cache_private_dns_zone_id == null || can(regex("/privateDnsZones/privatelink\\.redis\\.azure\\.net$", var.cache_private_dns_zone_id))
    error_message = "cache_private_dns_zone_id must be the resource ID of the zone privatelink.redis.azure.net."
  }
}

variable "blob_private_dns_zone_id" {
  description = "Private DNS zone privatelink.blob.core.windows.net that the private endpoint of the backups is entered in. Null where a policy does that."
  type        = string
  default     = null

  validation {
    condition     = var.blob_private_dns_zone_id == null || can(regex("/privateDnsZones/privatelink\\.blob\\.core\\.windows\\.net$", var.blob_private_dns_zone_id))
    error_message = "blob_private_dns_zone_id must be the resource ID of the zone privatelink.blob.core.windows.net."
  }
}
