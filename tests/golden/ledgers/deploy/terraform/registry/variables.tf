variable "subscription_id" {
  description = "Azure subscription that holds the images."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription_id)) && var.subscription_id != "00000000-0000-0000-0000-000000000000"
    error_message = "subscription_id must be the GUID of your subscription in small letters; all zeros are only a placeholder."
  }
}

variable "region" {
  description = "Azure region of the registry. The same as the clusters': pulls stay free and fast."
  type        = string
  default     = "northeurope"

  validation {
    condition     = can(regex("^[a-z]+[0-9]?$", var.region))
    error_message = "region must look like westeurope."
  }
}

variable "registry_name" {
  description = "Name of the registry, unique in all of Azure."
  type        = string

  # https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftcontainerregistry
  # Small letters only: it is part of every image's name.
  validation {
    condition     = can(regex("^[a-z0-9]{5,50}$", var.registry_name))
    error_message = "registry_name must be 5 to 50 small letters and digits; replace-me is only a placeholder."
  }
}

variable "pull_principal_ids" {
  description = "Object IDs of the identities that pull, by a name of yours: the kubelet identity of each cluster, and each identity that deploys."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for id in values(var.pull_principal_ids) : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))])
    error_message = "pull_principal_ids must hold object IDs, which are GUIDs in small letters."
  }
}

variable "github_subject_prefix" {
  description = "How GitHub names this repository in its tokens: docs/azure-access.md says how to read it. Without it no identity for the pipeline is made."
  type        = string
  default     = null

  validation {
    condition     = var.github_subject_prefix == null || can(regex("^repo:[A-Za-z0-9_.-]+(@[0-9]+)?/[A-Za-z0-9_.-]+(@[0-9]+)?$", var.github_subject_prefix))
    error_message = "github_subject_prefix must look like repo:ORGANISATION@123/REPOSITORY@456, or repo:ORGANISATION/REPOSITORY for an older repository."
  }
}
