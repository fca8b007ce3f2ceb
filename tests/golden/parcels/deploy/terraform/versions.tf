terraform {
  # OpenTofu 1.10 and later reads these files too.
  required_version = ">= 1.10"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.0"
    }
  }

  # Where the state lives differs by environment: environments/<environment>.azurerm.tfbackend
  # A lease on the blob is its lock.
  backend "azurerm" {}
}
