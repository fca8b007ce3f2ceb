# The pods get an identity that only they can use.

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

run "identity_belongs_to_one_service_account" {
  command = apply

  assert {
    condition     = azurerm_federated_identity_credential.workload.subject == "system:serviceaccount:ledgers-staging:ledgers"
    error_message = "the credential must name the service account of the manifests"
  }

  assert {
    condition     = azurerm_federated_identity_credential.workload.issuer == data.azurerm_kubernetes_cluster.this.oidc_issuer_url
    error_message = "tokens of no other cluster may be taken"
  }

  assert {
    condition     = azurerm_federated_identity_credential.workload.audience == tolist(["api://AzureADTokenExchange"])
    error_message = "tokens that were made for something else must not be taken"
  }

  assert {
    condition     = output.kubernetes.client_id == azurerm_user_assigned_identity.workload.client_id
    error_message = "the pods must be told which identity is theirs"
  }
}

run "tells_when_the_cluster_enforces_policies_in_another_way" {
  command = plan

  override_data {
    target = data.azurerm_kubernetes_cluster.this
    values = {
      location            = "northeurope"
      oidc_issuer_enabled = true
      oidc_issuer_url     = "https://northeurope.oic.prod-aks.azure.com/tenant/issuer/"
      network_profile     = [{ network_policy = "calico" }]
      kube_admin_config   = []

      azure_active_directory_role_based_access_control = [{ azure_rbac_enabled = false }]
    }
  }

  expect_failures = [check.network_policy]
}
