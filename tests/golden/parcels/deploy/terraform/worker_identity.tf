# The worker's own identity in Entra ID. The API answers strangers, so whoever gets into it should
# find the right to send tasks, and neither those of others nor the record of what was done.

resource "azurerm_user_assigned_identity" "worker" {
  name                = "id-${local.name}-worker"
  resource_group_name = local.resource_group_name
  location            = local.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "worker" {
  name                      = "${local.name}-worker"
  user_assigned_identity_id = azurerm_user_assigned_identity.worker.id
  issuer                    = data.azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject                   = "system:serviceaccount:${local.settings.namespace}:${local.service}-worker"
  audience                  = ["api://AzureADTokenExchange"]
}

# The identity of identity.tf is the API's.
resource "azurerm_role_assignment" "enqueue" {
  scope                = azurerm_servicebus_queue.tasks.id
  role_definition_name = "Azure Service Bus Data Sender"
  principal_id         = azurerm_user_assigned_identity.workload.principal_id
  principal_type       = "ServicePrincipal"
}
