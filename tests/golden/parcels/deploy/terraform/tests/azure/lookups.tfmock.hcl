# What the tests find in Azure. `terraform test` invents what is not said here; IDs are said,
# because the provider refuses invented ones where it takes them in.

mock_data "azurerm_resource_group" {
  defaults = {
    id       = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging"
    location = "northeurope"
  }
}

mock_data "azurerm_kubernetes_cluster" {
  defaults = {
    location            = "northeurope"
    oidc_issuer_enabled = true
    oidc_issuer_url     = "https://northeurope.oic.prod-aks.azure.com/tenant/issuer/"
    kube_admin_config   = []

    azure_active_directory_role_based_access_control = [{
      azure_rbac_enabled = false
    }]
    network_profile = [{
      network_policy = "cilium"
    }]
  }
}

mock_resource "azurerm_monitor_action_group" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.Insights/actionGroups/ag-parcels-staging"
  }
}

mock_data "azurerm_subnet" {
  defaults = {
    address_prefixes = ["10.20.8.0/24"]
  }
}

mock_data "azurerm_dns_zone" {
  defaults = {
    name                = "shop.example"
    resource_group_name = "dns"
  }
}

mock_resource "azurerm_application_load_balancer" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.ServiceNetworking/trafficControllers/agc-parcels-staging"
  }
}

mock_resource "azurerm_application_load_balancer_frontend" {
  defaults = {
    fully_qualified_domain_name = "abcd.fz01.alb.azure.com"
  }
}

mock_resource "azurerm_web_application_firewall_policy" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.Network/applicationGatewayWebApplicationFirewallPolicies/waf-parcels-staging"
  }
}

mock_resource "azurerm_user_assigned_identity" {
  defaults = {
    id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-parcels-staging"
    client_id    = "22222222-3333-4444-5555-666666666666"
    principal_id = "33333333-4444-5555-6666-777777777777"
  }
}

mock_resource "azurerm_servicebus_namespace" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.ServiceBus/namespaces/sb-parcels"
  }
}

mock_resource "azurerm_servicebus_queue" {
  defaults = {
    id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.ServiceBus/namespaces/sb-parcels/queues/parcels"
  }
}

mock_resource "azurerm_storage_account" {
  defaults = {
    id                     = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.Storage/storageAccounts/stidempotency"
    primary_table_endpoint = "https://stidempotency.table.core.windows.net/"
  }
}

mock_resource "azurerm_storage_table" {
  defaults = {
    resource_manager_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.Storage/storageAccounts/stidempotency/tableServices/default/tables/idempotency"
  }
}
