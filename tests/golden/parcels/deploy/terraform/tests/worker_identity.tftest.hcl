# The API sends tasks; all else is the worker's.

mock_provider "azurerm" {
  source = "./tests/azure"
}

variables {
  environment            = "staging"
  subscription_id        = "11111111-2222-3333-4444-555555555555"
  cluster_name           = "main"
  cluster_resource_group = "platform"

  log_analytics_workspace_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/platform/providers/Microsoft.OperationalInsights/workspaces/logs"
  alert_emails               = ["on-call@example.com"]

  load_balancer_subnet_id               = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/main/subnets/load-balancers"
  load_balancer_controller_principal_id = "44444444-5555-6666-7777-888888888888"
  zone_resource_group                   = "dns"
}

override_resource {
  target = azurerm_user_assigned_identity.worker
  values = {
    id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-parcels-staging-worker"
    client_id    = "66666666-7777-8888-9999-000000000000"
    principal_id = "77777777-8888-9999-0000-111111111111"
  }
}

run "identity_belongs_to_the_service_account_of_the_worker" {
  command = apply

  assert {
    condition     = azurerm_federated_identity_credential.worker.subject == "system:serviceaccount:parcels-staging:parcels-worker" && azurerm_federated_identity_credential.worker.user_assigned_identity_id == azurerm_user_assigned_identity.worker.id
    error_message = "the credential must give the worker's service account its identity"
  }

  assert {
    condition     = azurerm_federated_identity_credential.worker.issuer == data.azurerm_kubernetes_cluster.this.oidc_issuer_url && azurerm_federated_identity_credential.worker.audience == tolist(["api://AzureADTokenExchange"])
    error_message = "tokens of another cluster, or made for something else, must not be taken"
  }

  assert {
    condition     = output.kubernetes.worker_client_id == "66666666-7777-8888-9999-000000000000" && output.kubernetes.client_id != output.kubernetes.worker_client_id
    error_message = "the worker's pods must be told which identity is theirs"
  }
}

run "the_api_only_sends" {
  command = apply

  assert {
    condition     = azurerm_role_assignment.enqueue.scope == azurerm_servicebus_queue.tasks.id && azurerm_role_assignment.enqueue.role_definition_name == "Azure Service Bus Data Sender" && azurerm_role_assignment.enqueue.principal_id == azurerm_user_assigned_identity.workload.principal_id
    error_message = "the API must send to this queue"
  }

  assert {
    condition     = toset([for assignment in concat(values(azurerm_role_assignment.queue), [azurerm_role_assignment.idempotency]) : assignment.principal_id]) == toset(["77777777-8888-9999-0000-111111111111"])
    error_message = "tasks are taken, and remembered, by the worker alone"
  }
}
