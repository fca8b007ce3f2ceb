terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
  }
}

provider "azurerm" {
  features {}
  subscription_id = "00000000-0000-0000-0000-000000000000"
}

data "azurerm_client_config" "current" {}

resource "azurerm_resource_group" "main" {
  name     = "orders"
  location = "westeurope"
}

resource "azurerm_servicebus_namespace" "main" {
  name                = "orders"
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  sku                 = "Standard"
}

resource "azurerm_servicebus_queue" "jobs" {
  name               = "jobs"
  namespace_id       = azurerm_servicebus_namespace.main.id
  max_delivery_count = 5
}

resource "random_password" "database" {
  length = 32
}

resource "azurerm_postgresql_flexible_server" "main" {
  name                   = "orders"
  resource_group_name    = azurerm_resource_group.main.name
  location               = azurerm_resource_group.main.location
  administrator_login    = "owner"
  administrator_password = random_password.database.result
  sku_name               = "GP_Standard_D2ds_v5"
  storage_mb             = 65536
  version                = "17"

  high_availability {
    mode = "ZoneRedundant"
  }

  authentication {
    tenant_id = data.azurerm_client_config.current.tenant_id
  }
}
