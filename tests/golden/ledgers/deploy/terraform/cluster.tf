# The cluster and the resource group exist already; everything here is looked up.

# The identity that deploys has rights in this group alone, so it cannot be the one that makes it:
# docs/azure-access.md
data "azurerm_resource_group" "service" {
  name = "rg-${local.name}"
}

data "azurerm_kubernetes_cluster" "this" {
  name                = var.cluster_name
  resource_group_name = var.cluster_resource_group

  lifecycle {
    # Pods prove who they are by a token that this issuer signs.
    postcondition {
      condition     = self.oidc_issuer_enabled
      error_message = "Cluster ${var.cluster_name} has no OIDC issuer: az aks update --enable-oidc-issuer --enable-workload-identity"
    }

    # Without one NetworkPolicies are accepted and ignored.
    postcondition {
      condition     = contains(["azure", "calico", "cilium"], one(self.network_profile).network_policy)
      error_message = "Cluster ${var.cluster_name} enforces no NetworkPolicy: az aks update --network-policy"
    }

    # Credentials of a cluster that has local accounts would be written into Terraform's state.
    postcondition {
      condition     = length(self.azure_active_directory_role_based_access_control) == 1 && length(self.kube_admin_config) == 0
      error_message = "Cluster ${var.cluster_name} has local accounts: az aks update --enable-aad --disable-local-accounts"
    }
  }
}

locals {
  # What the service owns is where its pods are: no message and no image crosses regions.
  location            = data.azurerm_kubernetes_cluster.this.location
  resource_group_name = data.azurerm_resource_group.service.name
}
