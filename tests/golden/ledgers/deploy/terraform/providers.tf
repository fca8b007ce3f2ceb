provider "azurerm" {
  # Whatever subscription `az` is set to: this one and no other is changed.
  subscription_id = var.subscription_id

  # Registering a resource provider needs rights on the whole subscription. Whoever prepares it does
  # that once: docs/azure-access.md
  resource_provider_registrations = "none"

  # Blobs and tables are reached as oneself, never by the key of an account.
  storage_use_azuread = true

  features {}
}
