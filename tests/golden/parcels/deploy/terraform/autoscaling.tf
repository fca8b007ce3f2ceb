# KEDA asks Service Bus how many messages wait. Its operator serves the whole cluster, so it takes
# this identity for this queue, by the token of its own ServiceAccount: it never sees the tokens of
# the pods. https://github.com/kedacore/keda/issues/4597

resource "azurerm_user_assigned_identity" "keda" {
  name                = "id-${local.name}-keda"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "keda" {
  name                      = "${local.name}-keda"
  user_assigned_identity_id = azurerm_user_assigned_identity.keda.id
  issuer                    = data.azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject                   = "system:serviceaccount:${var.keda_operator_service_account}"
  audience                  = ["api://AzureADTokenExchange"]
}

# With a shared key KEDA needs the right Manage. As an identity it does not: the role to receive also
# reads the properties of the queue, the counts among them, and cannot change or remove it.
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/integration#azure-service-bus-data-receiver
resource "azurerm_role_assignment" "keda" {
  scope                = azurerm_servicebus_queue.tasks.id
  role_definition_name = "Azure Service Bus Data Receiver"
  principal_id         = azurerm_user_assigned_identity.keda.principal_id
  principal_type       = "ServicePrincipal"
}
