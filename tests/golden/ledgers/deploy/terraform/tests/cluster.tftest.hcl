# The clusters that this service does not fit.

mock_provider "azurerm" {
  source = "./tests/azure"
}

variables {
  environment            = "staging"
  subscription_id        = "11111111-2222-3333-4444-555555555555"
  cluster_name           = "main"
  cluster_resource_group = "platform"

  private_endpoint_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/endpoints"

  log_analytics_workspace_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/platform/providers/Microsoft.OperationalInsights/workspaces/logs"
  alert_emails               = ["on-call@example.com"]

  load_balancer_subnet_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/load-balancers"
  load_balancer_address   = "10.20.9.10"
  zone_resource_group     = "dns"
}

run "fits_the_usual_cluster" {
  command = plan

  assert {
    condition     = output.cluster_name == "main" && output.cluster_resource_group == "platform"
    error_message = "scripts/deploy.sh must be led to the cluster"
  }

  assert {
    condition     = local.location == "northeurope"
    error_message = "what the service owns must be where its pods are"
  }
}

run "refuses_a_cluster_without_issuer" {
  command = plan

  override_data {
    target = data.azurerm_kubernetes_cluster.this
    values = {
      oidc_issuer_enabled = false
      network_profile     = [{ network_policy = "cilium" }]
      kube_admin_config   = []

      azure_active_directory_role_based_access_control = [{ azure_rbac_enabled = false }]
    }
  }

  expect_failures = [data.azurerm_kubernetes_cluster.this]
}

run "refuses_a_cluster_that_ignores_network_policies" {
  command = plan

  override_data {
    target = data.azurerm_kubernetes_cluster.this
    values = {
      oidc_issuer_enabled = true
      network_profile     = [{ network_policy = "none" }]
      kube_admin_config   = []

      azure_active_directory_role_based_access_control = [{ azure_rbac_enabled = false }]
    }
  }

  expect_failures = [data.azurerm_kubernetes_cluster.this]
}

run "refuses_a_cluster_with_local_accounts" {
  command = plan

  override_data {
    target = data.azurerm_kubernetes_cluster.this
    values = {
      oidc_issuer_enabled = true
      network_profile     = [{ network_policy = "cilium" }]
      kube_admin_config   = [{ username = "clusterAdmin" }]

      azure_active_directory_role_based_access_control = [{ azure_rbac_enabled = false }]
    }
  }

  expect_failures = [data.azurerm_kubernetes_cluster.this]
}

run "refuses_a_cluster_without_entra_id" {
  command = plan

  override_data {
    target = data.azurerm_kubernetes_cluster.this
    values = {
      oidc_issuer_enabled = true
      network_profile     = [{ network_policy = "cilium" }]
      kube_admin_config   = []

      azure_active_directory_role_based_access_control = []
    }
  }

  expect_failures = [data.azurerm_kubernetes_cluster.this]
}
