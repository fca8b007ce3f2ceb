# Logical backups: out of reach of mistakes and of whoever gets into a pod.

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

run "not_locked_elsewhere" {
  command = plan

  assert {
    condition     = !azurerm_storage_container_immutability_policy.backup.locked
    error_message = "an environment that is not production must be possible to remove"
  }
}

run "access" {
  command = apply

  variables {
    environment              = "prod"
    blob_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
  }

  override_resource {
    target = azurerm_user_assigned_identity.backup
    values = {
      id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/backup"
      client_id    = "cccccccc-3333-4444-5555-666666666666"
      principal_id = "dddddddd-3333-4444-5555-666666666666"
    }
  }

  assert {
    condition     = azurerm_role_assignment.backup_storage.scope == azurerm_storage_container.backup.id && azurerm_role_assignment.backup_storage.role_definition_name == "Storage Blob Data Contributor" && azurerm_role_assignment.backup_storage.principal_id == azurerm_user_assigned_identity.backup.principal_id
    error_message = "the jobs must write into this container, and nowhere else"
  }

  assert {
    condition     = azurerm_role_assignment.restore_storage.scope == azurerm_storage_container.backup.id && azurerm_role_assignment.restore_storage.role_definition_name == "Storage Blob Data Reader" && azurerm_role_assignment.restore_storage.principal_id == azurerm_user_assigned_identity.migrate.principal_id
    error_message = "who restores must be able to read backups, and nothing else of them"
  }

  assert {
    condition     = azurerm_role_assignment.backup_credentials.scope == azurerm_key_vault_secret.database["backup"].resource_versionless_id && azurerm_role_assignment.backup_credentials.role_definition_name == "Key Vault Secrets User" && azurerm_role_assignment.backup_credentials.principal_id == azurerm_user_assigned_identity.backup.principal_id
    error_message = "the jobs must read their own login, and write none"
  }

  assert {
    condition     = azurerm_federated_identity_credential.backup.subject == "system:serviceaccount:ledgers-prod:ledgers-backup" && output.kubernetes.backup_client_id == azurerm_user_assigned_identity.backup.client_id
    error_message = "the identity of the jobs must be theirs alone"
  }
}

run "private_endpoint" {
  command = apply

  variables {
    environment              = "prod"
    blob_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
  }

  assert {
    condition     = one(azurerm_private_endpoint.backup.private_service_connection).subresource_names == tolist(["blob"]) && one(azurerm_private_endpoint.backup.private_dns_zone_group).private_dns_zone_ids == tolist([var.blob_private_dns_zone_id])
    error_message = "the endpoint must lead to the blobs, under their public name"
  }
}

run "storage" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition     = can(regex("^[a-z0-9]{3,24}$", azurerm_storage_account.backup.name))
    error_message = "the name must be 3 to 24 small letters and digits"
  }

  assert {
    condition     = !azurerm_storage_account.backup.shared_access_key_enabled && !azurerm_storage_account.backup.local_user_enabled && !azurerm_storage_account.backup.allow_nested_items_to_be_public
    error_message = "nobody may get in with a key, or without any"
  }

  assert {
    condition     = !azurerm_storage_account.backup.public_network_access_enabled && one(azurerm_storage_account.backup.network_rules).default_action == "Deny" && azurerm_storage_account.backup.https_traffic_only_enabled && azurerm_storage_account.backup.min_tls_version == "TLS1_2"
    error_message = "nobody may get in from the internet, or without TLS 1.2"
  }

  assert {
    condition     = azurerm_storage_account.backup.account_replication_type == (local.settings.backup.cross_region ? "RAGZRS" : "ZRS")
    error_message = "backups must survive a zone, and the region where sm.yaml says so"
  }

  assert {
    condition     = one(azurerm_storage_account.backup.blob_properties).versioning_enabled && one(one(azurerm_storage_account.backup.blob_properties).delete_retention_policy).days == 14
    error_message = "what was deleted must come back"
  }

  assert {
    condition     = azurerm_storage_container_immutability_policy.backup.locked && azurerm_storage_container_immutability_policy.backup.immutability_period_in_days == local.settings.backup.retention && azurerm_storage_container_immutability_policy.backup.storage_container_resource_manager_id == azurerm_storage_container.backup.id
    error_message = "in production nobody may delete a backup before its time"
  }

  assert {
    condition = alltrue(flatten([for rule in azurerm_storage_management_policy.backup.rule : [for actions in rule.actions : [
      one(actions.base_blob).delete_after_days_since_creation_greater_than > local.settings.backup.retention,
      one(actions.version).delete_after_days_since_creation > local.settings.backup.retention,
    ]]]))
    error_message = "backups must end after the policy lets go, and not pile up"
  }

  assert {
    condition     = output.kubernetes.backup_target == "${azurerm_storage_account.backup.primary_blob_endpoint}backups/logical"
    error_message = "the jobs must be told where backups go"
  }
}

run "a_missing_backup_is_reported" {
  command = apply

  variables {
    environment = "prod"
  }

  assert {
    condition = alltrue([for alert in azurerm_monitor_scheduled_query_rules_alert_v2.no_backup :
      one(alert.action).action_groups == tolist([azurerm_monitor_action_group.alerts.id]) && one(alert.criteria).operator == "LessThan" && strcontains(one(alert.criteria).query, azurerm_storage_account.backup.name) && strcontains(one(alert.criteria).query, "/manifest.json")
    ]) && length(azurerm_monitor_scheduled_query_rules_alert_v2.no_backup) == (local.settings.backup.interval <= 24 ? 1 : 0)
    error_message = "people must be told when no backup arrives"
  }

  assert {
    condition     = contains(azurerm_monitor_diagnostic_setting.backup.enabled_log[*].category, "StorageWrite") && endswith(azurerm_monitor_diagnostic_setting.backup.target_resource_id, "/blobServices/default")
    error_message = "the alert counts lines of this log"
  }
}

run "refuses_a_zone_of_another_service" {
  command = plan

  variables {
    environment              = "prod"
    blob_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.table.core.windows.net"
  }

  expect_failures = [var.blob_private_dns_zone_id]
}
