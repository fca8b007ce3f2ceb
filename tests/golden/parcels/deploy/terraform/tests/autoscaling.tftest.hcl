# KEDA can read the length of the queue, as itself.

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
  target = azurerm_user_assigned_identity.keda
  values = {
    id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-parcels-staging/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-parcels-staging-keda"
    client_id    = "44444444-5555-6666-7777-888888888888"
    principal_id = "55555555-6666-7777-8888-999999999999"
  }
}

run "identity_of_keda" {
  command = apply

  assert {
    condition     = azurerm_federated_identity_credential.keda.subject == "system:serviceaccount:kube-system:keda-operator" && azurerm_federated_identity_credential.keda.user_assigned_identity_id == azurerm_user_assigned_identity.keda.id
    error_message = "the identity must be the operator's, not that of the pods"
  }

  assert {
    condition     = azurerm_federated_identity_credential.keda.issuer == data.azurerm_kubernetes_cluster.this.oidc_issuer_url
    error_message = "tokens of no other cluster may be taken"
  }

  assert {
    condition     = azurerm_role_assignment.keda.scope == azurerm_servicebus_queue.tasks.id && azurerm_role_assignment.keda.role_definition_name == "Azure Service Bus Data Owner" && azurerm_role_assignment.keda.principal_id == azurerm_user_assigned_identity.keda.principal_id
    error_message = "KEDA must be able to read this queue, and reach no other"
  }

  assert {
    condition     = output.kubernetes.keda_client_id == azurerm_user_assigned_identity.keda.client_id && output.kubernetes.queue_namespace_name == azurerm_servicebus_namespace.tasks.name
    error_message = "the manifests need KEDA's identity and the namespace"
  }
}

run "refuses_an_operator_without_namespace" {
  command = plan

  variables {
    keda_operator_service_account = "keda-operator"
  }

  expect_failures = [var.keda_operator_service_account]
}

run "smaller_role" {
  command = plan

  variables {
    keda_queue_role = "Azure Service Bus Data Receiver"
  }

  assert {
    condition     = azurerm_role_assignment.keda.role_definition_name == "Azure Service Bus Data Receiver"
    error_message = "whoever has tried it may give KEDA less"
  }
}

run "refuses_a_larger_role" {
  command = plan

  variables {
    keda_queue_role = "Contributor"
  }

  expect_failures = [var.keda_queue_role]
}
