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
  description = "Resource ID of the subnet for Application Gateway for Containers: a /24, delegated to Microsoft.ServiceNetworking/trafficControllers, in the cluster's virtual network."
  type        = string

  validation {
    condition     = can(regex("^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft.Network/virtualNetworks/[^/]+/subnets/[^/]+$", var.load_balancer_subnet_id)) && !endswith(var.load_balancer_subnet_id, "/replace-me")
    error_message = "load_balancer_subnet_id must be a resource ID: /subscriptions/…/resourceGroups/…/providers/Microsoft.Network/virtualNetworks/…/subnets/…"
  }
}

variable "load_balancer_controller_principal_id" {
  description = "Object ID of the identity that the ALB Controller of the cluster runs as: azure-alb-identity when Helm installed it, applicationloadbalancer-CLUSTER as an add-on."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.load_balancer_controller_principal_id)) && var.load_balancer_controller_principal_id != "00000000-0000-0000-0000-000000000000"
    error_message = "load_balancer_controller_principal_id must be a GUID: az identity show --query principalId"
  }
}

variable "zone_name" {
  description = "Existing public DNS zone that the host name belongs to."
  type        = string
  default     = "shop.example"

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

variable "producer_principal_ids" {
  description = "Object IDs of the identities of other services that may send tasks."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.producer_principal_ids : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))])
    error_message = "producer_principal_ids must hold object IDs (principal IDs, not client IDs): GUIDs in small letters."
  }
}

variable "queue_messaging_units" {
  description = "Messaging units of a premium namespace (queue.tier in sm.yaml). Each is paid for by the hour."
  type        = number
  default     = 1

  # https://learn.microsoft.com/azure/service-bus-messaging/service-bus-premium-messaging
  validation {
    condition     = contains([1, 2, 4, 8, 16], var.queue_messaging_units)
    error_message = "queue_messaging_units must be 1, 2, 4, 8 or 16."
  }
}

variable "queue_encryption" {
  description = "A Key Vault key of yours that encrypts the queue, without version so that it can rotate, and the resource ID of an identity that may use it (Key Vault Crypto Service Encryption User). Premium tier only; null is Microsoft's key."
  type = object({
    key_id      = string
    identity_id = string
  })
  default = null

  validation {
    condition     = var.queue_encryption == null || local.settings.queue.tier == "premium"
    error_message = "queue_encryption needs queue.tier premium in sm.yaml."
  }

  validation {
    condition     = var.queue_encryption == null || can(regex("^https://[0-9A-Za-z-]+\\.vault\\.azure\\.net/keys/[0-9A-Za-z-]+$", var.queue_encryption.key_id))
    error_message = "queue_encryption.key_id must look like https://VAULT.vault.azure.net/keys/NAME."
  }
}

variable "private_endpoint_subnet_id" {
  description = "Subnet for private endpoints, in reach of the cluster. The table of finished tasks then has no public address, nor has the queue in the premium tier."
  type        = string
  default     = null

  validation {
    condition     = var.private_endpoint_subnet_id == null || can(regex("^/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft.Network/virtualNetworks/[^/]+/subnets/[^/]+$", var.private_endpoint_subnet_id))
    error_message = "private_endpoint_subnet_id must be the resource ID of a subnet."
  }
}

variable "queue_private_dns_zone_id" {
  description = "Private DNS zone privatelink.servicebus.windows.net that the private endpoint is entered in. Null where a policy does that."
  type        = string
  default     = null

  validation {
    condition     = var.queue_private_dns_zone_id == null || can(regex("/privateDnsZones/privatelink\\.servicebus\\.windows\\.net$", var.queue_private_dns_zone_id))
    error_message = "queue_private_dns_zone_id must be the resource ID of the zone privatelink.servicebus.windows.net."
  }
}

variable "table_private_dns_zone_id" {
  description = "Private DNS zone privatelink.table.core.windows.net that the private endpoint is entered in. Null where a policy does that."
  type        = string
  default     = null

  validation {
    condition     = var.table_private_dns_zone_id == null || can(regex("/privateDnsZones/privatelink\\.table\\.core\\.windows\\.net$", var.table_private_dns_zone_id))
    error_message = "table_private_dns_zone_id must be the resource ID of the zone privatelink.table.core.windows.net."
  }
}

variable "keda_operator_service_account" {
  description = "Namespace and name of the ServiceAccount that KEDA's operator runs as. The default is that of the KEDA add-on of AKS."
  type        = string
  default     = "kube-system:keda-operator"

  validation {
    condition     = can(regex("^[a-z0-9-]{1,63}:[a-z0-9.-]{1,253}$", var.keda_operator_service_account))
    error_message = "keda_operator_service_account must look like kube-system:keda-operator."
  }
}

variable "keda_queue_role" {
  description = "Role of KEDA's identity on the queue. Data Owner is documented to suffice; Data Receiver is less, and may not."
  type        = string
  default     = "Azure Service Bus Data Owner"

  validation {
    condition     = contains(["Azure Service Bus Data Owner", "Azure Service Bus Data Receiver"], var.keda_queue_role)
    error_message = "keda_queue_role must be Azure Service Bus Data Owner or Azure Service Bus Data Receiver."
  }
}
