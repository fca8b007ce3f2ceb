# scripts/deploy.sh hands every entry of this map to the manifests of the environment, as
# deploy/kubernetes/overlays/<environment>/terraform-outputs.env. Nothing is copied by hand.
output "kubernetes" {
  description = "Values that the Kubernetes manifests take from Terraform. A flat map of strings."

  value = {
    # For Gateway, HTTPRoute and Certificate.
    hostname      = local.settings.hostname
    gateway_id    = azurerm_application_load_balancer.service.id
    frontend_name = azurerm_application_load_balancer_frontend.service.name

    # For WebApplicationFirewallPolicy. Handed over only when the load balancer knows it.
    firewall_policy_id = azurerm_application_load_balancer_security_policy.waf.web_application_firewall_policy_id

    # The network the load balancer reaches the pods from.
    load_balancer_cidr = data.azurerm_subnet.load_balancer.address_prefixes[0]

    # The identity of the pods; an annotation of their ServiceAccount names it.
    client_id = azurerm_user_assigned_identity.workload.client_id

    # For the pods' settings.
    queue_namespace = "${azurerm_servicebus_namespace.tasks.name}.servicebus.windows.net"

    idempotency_endpoint = "${azurerm_storage_account.idempotency.primary_table_endpoint}${azurerm_storage_table.idempotency.name}"

    # The identity of the worker's pods.
    worker_client_id = azurerm_user_assigned_identity.worker.client_id

    # For KEDA's trigger and TriggerAuthentication.
    queue_namespace_name = azurerm_servicebus_namespace.tasks.name
    keda_client_id       = azurerm_user_assigned_identity.keda.client_id
  }
}

output "cluster_name" {
  description = "AKS cluster that scripts/deploy.sh deploys to."
  value       = data.azurerm_kubernetes_cluster.this.name
}

output "cluster_resource_group" {
  description = "Resource group of the cluster."
  value       = data.azurerm_kubernetes_cluster.this.resource_group_name
}

output "subscription_id" {
  description = "Subscription of the cluster."
  value       = var.subscription_id
}
