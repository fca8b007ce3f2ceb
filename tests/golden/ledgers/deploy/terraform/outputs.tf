# scripts/deploy.sh hands every entry of this map to the manifests of the environment, as
# deploy/kubernetes/overlays/<environment>/terraform-outputs.env. Nothing is copied by hand.
output "kubernetes" {
  description = "Values that the Kubernetes manifests take from Terraform. A flat map of strings."

  value = {
    # For HTTPRoute and Certificate.
    hostname = local.settings.hostname

    # For the Gateway.
    load_balancer_address = var.load_balancer_address
    load_balancer_subnet  = data.azurerm_subnet.load_balancer.name

    # The identity of the pods; an annotation of their ServiceAccount names it.
    client_id = azurerm_user_assigned_identity.workload.client_id

    # What the pods connect to, and what needs the primary itself: migrations, roles, backups. The same
    # host: PgBouncer, where it is on, listens on port 6432 of it.
    database_host          = azurerm_postgresql_flexible_server.primary.fqdn
    database_primary_host  = azurerm_postgresql_flexible_server.primary.fqdn
    database_replica_hosts = join(",", [for key, server in azurerm_postgresql_flexible_server.replica : server.fqdn if key != "standby"])

    # Who the service is when it logs in with a token.
    database_identity_object_id = azurerm_user_assigned_identity.workload.principal_id

    # For the secret store's driver, and for the jobs that write; the secrets are database-app, -migrator,
    # -backup and -admin.
    key_vault_name = azurerm_key_vault.service.name
    key_vault_url  = azurerm_key_vault.service.vault_uri
    tenant_id      = data.azurerm_client_config.current.tenant_id

    # The identity of the jobs that make roles, migrate and rotate credentials.
    migrate_client_id = azurerm_user_assigned_identity.migrate.client_id

    # The cache listens on port 10000; the object ID of the pods' identity is their user name there.
    cache_host = azurerm_managed_redis.cache.hostname
    cache_user = azurerm_user_assigned_identity.workload.principal_id

    # Where logical backups go, and the identity of the jobs that make and restore them.
    backup_target    = "${azurerm_storage_account.backup.primary_blob_endpoint}${azurerm_storage_container.backup.name}/logical"
    backup_client_id = azurerm_user_assigned_identity.backup.client_id
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
