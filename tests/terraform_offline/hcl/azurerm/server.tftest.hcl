mock_provider "azurerm" {}
mock_provider "random" {}

run "planned" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server.main.high_availability[0].mode == "ZoneRedundant"
    error_message = "high availability"
  }
}
