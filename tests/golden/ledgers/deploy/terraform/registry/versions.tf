terraform {
  required_version = ">= 1.10"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.0"
    }
  }

  # registry.azurerm.tfbackend
  backend "azurerm" {}
}

provider "azurerm" {
  subscription_id                 = var.subscription_id
  resource_provider_registrations = "none"

  features {}
}

locals {
  service = "ledgers"

  tags = {
    Service     = local.service
    Environment = "shared"
    Owner       = "team-ledgers"
    ManagedBy   = "terraform"
  }
}
