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

# KEDA asks the management API of the namespace for the runtime properties of the queue. Microsoft's
# guide to KEDA on AKS and KEDA's own tests give its identity Data Owner, on a whole namespace; here it
# is this one queue. Data Receiver cannot change or remove the queue, and its definition includes reading
# it, but nobody documents that it is enough, and the scale controller of Azure Functions, which asks for
# the same, was refused with it. A scaler that is refused starts no pod, so the default is what is
# documented; keda_queue_role is for trying the smaller role where you see what happens.
# https://learn.microsoft.com/azure/aks/keda-workload-identity#create-role-assignments
# https://github.com/kedacore/keda/issues/7822
# https://github.com/Azure/Azure-Functions/issues/2379
resource "azurerm_role_assignment" "keda" {
  scope                = azurerm_servicebus_queue.tasks.id
  role_definition_name = var.keda_queue_role
  principal_id         = azurerm_user_assigned_identity.keda.principal_id
  principal_type       = "ServicePrincipal"
}
