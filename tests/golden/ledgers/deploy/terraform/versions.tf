terraform {
  # Write-only arguments, by which no password gets into the state; OpenTofu has them as well.
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  # Where the state lives differs by environment: environments/<environment>.azurerm.tfbackend
  # A lease on the blob is its lock.
  backend "azurerm" {}
}
