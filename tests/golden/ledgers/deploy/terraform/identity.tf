# The pods' own identity in Entra ID, by Workload ID: no keys, nothing to rotate.
# https://learn.microsoft.com/azure/aks/workload-identity-overview
#
# It starts without a single permission. What the service may do is added one
# `azurerm_role_assignment` a purpose, beside the resource it is for.

resource "azurerm_user_assigned_identity" "workload" {
  name                = "id-${local.name}"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags
}

# Tokens of this one ServiceAccount, signed by this one cluster. An identity takes 20 of these:
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
# A cluster that is made anew has another issuer, and the next apply follows it.
resource "azurerm_federated_identity_credential" "workload" {
  name                      = local.name
  user_assigned_identity_id = azurerm_user_assigned_identity.workload.id
  issuer                    = data.azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject                   = "system:serviceaccount:${local.settings.namespace}:${local.service}"
  audience                  = ["api://AzureADTokenExchange"]
}
