# Who reads which password, and that Terraform keeps none.

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

run "vault_of_production" {
  command = plan

  variables {
    environment = "prod"
  }

  assert {
    condition     = azurerm_key_vault.service.purge_protection_enabled && azurerm_key_vault.service.soft_delete_retention_days == 90
    error_message = "what was deleted in production must come back for three months"
  }
}

# Every secret has an ID of its own here, so that a role on the wrong one is seen.
run "single_secrets" {
  command = apply

  override_resource {
    target = azurerm_key_vault_secret.database_admin
    values = {
      resource_versionless_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv/secrets/database-admin"
    }
  }

  override_resource {
    target = azurerm_key_vault_secret.database["app"]
    values = {
      resource_versionless_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv/secrets/database-app"
    }
  }

  override_resource {
    target = azurerm_user_assigned_identity.migrate
    values = {
      id           = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/migrate"
      client_id    = "aaaaaaaa-3333-4444-5555-666666666666"
      principal_id = "bbbbbbbb-3333-4444-5555-666666666666"
    }
  }

  assert {
    condition     = endswith(azurerm_role_assignment.database_credentials.scope, "/secrets/database-app") && azurerm_role_assignment.database_credentials.role_definition_name == "Key Vault Secrets User" && azurerm_role_assignment.database_credentials.principal_id == azurerm_user_assigned_identity.workload.principal_id
    error_message = "the service must read its own login, and nothing else"
  }

  assert {
    condition     = endswith(azurerm_role_assignment.migrate_admin.scope, "/secrets/database-admin") && azurerm_role_assignment.migrate_admin.role_definition_name == "Key Vault Secrets User" && azurerm_role_assignment.migrate_admin.principal_id == azurerm_user_assigned_identity.migrate.principal_id
    error_message = "the jobs must read the administrator's password, and not write it"
  }

  assert {
    condition     = toset(keys(azurerm_role_assignment.migrate_logins)) == toset(["app", "backup", "migrator"]) && alltrue([for role in azurerm_role_assignment.migrate_logins : strcontains(role.scope, "/secrets/") && !endswith(role.scope, "/database-admin") && role.principal_id == azurerm_user_assigned_identity.migrate.principal_id])
    error_message = "the jobs must write the logins, one by one"
  }

  assert {
    condition     = azurerm_federated_identity_credential.migrate.subject == "system:serviceaccount:ledgers-staging:ledgers-migrate" && azurerm_federated_identity_credential.migrate.user_assigned_identity_id == azurerm_user_assigned_identity.migrate.id
    error_message = "the identity of the jobs must be theirs alone"
  }

  assert {
    condition     = output.kubernetes.migrate_client_id == azurerm_user_assigned_identity.migrate.client_id && output.kubernetes.database_identity_object_id == azurerm_user_assigned_identity.workload.principal_id
    error_message = "the manifests need both identities"
  }
}

run "vault" {
  command = apply

  assert {
    condition     = azurerm_key_vault.service.rbac_authorization_enabled && azurerm_key_vault.service.purge_protection_enabled
    error_message = "roles must say who gets in, and what was deleted must come back"
  }

  assert {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", azurerm_key_vault.service.name)) && !strcontains(azurerm_key_vault.service.name, "--")
    error_message = "the name must be a host name of at most 24 characters"
  }

  assert {
    condition     = output.kubernetes.key_vault_name == azurerm_key_vault.service.name && output.kubernetes.key_vault_url == azurerm_key_vault.service.vault_uri && output.kubernetes.tenant_id == "77777777-8888-9999-aaaa-bbbbbbbbbbbb"
    error_message = "the driver of the secret store must be told where secrets are"
  }
}

run "passwords_are_kept_nowhere" {
  command = apply

  assert {
    condition     = azurerm_key_vault_secret.database_admin.value == null && azurerm_key_vault_secret.database_admin.value_wo == null && alltrue([for secret in azurerm_key_vault_secret.database : secret.value == null])
    error_message = "no password may get into the state"
  }

  assert {
    condition     = azurerm_key_vault_secret.database_admin.value_wo_version == azurerm_postgresql_flexible_server.primary.administrator_password_wo_version
    error_message = "server and secret must change together"
  }

  assert {
    condition     = toset([for secret in azurerm_key_vault_secret.database : secret.name]) == toset(["database-app", "database-backup", "database-migrator"]) && azurerm_key_vault_secret.database_admin.name == "database-admin"
    error_message = "the manifests name these secrets"
  }
}

run "a_rotated_password_reaches_both" {
  command = apply

  variables {
    database_admin_password_version = 2
  }

  assert {
    condition     = azurerm_key_vault_secret.database_admin.value_wo_version == 2 && azurerm_postgresql_flexible_server.primary.administrator_password_wo_version == 2
    error_message = "server and secret must change together"
  }

  assert {
    condition     = alltrue([for secret in azurerm_key_vault_secret.database : secret.value_wo_version == 1])
    error_message = "Terraform must not overwrite what the jobs wrote"
  }
}

run "entra_administrator" {
  command = apply

  assert {
    condition     = length(azurerm_postgresql_flexible_server_active_directory_administrator.migrate) == (local.settings.database.identity_authentication ? 1 : 0) && alltrue([for administrator in azurerm_postgresql_flexible_server_active_directory_administrator.migrate : administrator.principal_name == azurerm_user_assigned_identity.migrate.name && administrator.object_id == azurerm_user_assigned_identity.migrate.principal_id])
    error_message = "with tokens, the jobs must be able to make logins out of identities"
  }

  assert {
    condition     = one(azurerm_postgresql_flexible_server.primary.authentication).active_directory_auth_enabled == local.settings.database.identity_authentication
    error_message = "tokens must be taken when sm.yaml says so"
  }
}

run "restored_server" {
  command = plan

  variables {
    database_server_name = "psql-restored"
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.primary.name == "psql-restored"
    error_message = "Terraform must take over the server that was restored"
  }
}

run "private_vault" {
  command = apply

  variables {
    private_key_vault             = true
    key_vault_private_dns_zone_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/network/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net"
  }

  assert {
    condition     = !azurerm_key_vault.service.public_network_access_enabled && one(azurerm_key_vault.service.network_acls).default_action == "Deny"
    error_message = "the public way must be closed"
  }

  assert {
    condition     = one(one(azurerm_private_endpoint.key_vault).private_service_connection).subresource_names == tolist(["vault"]) && one(one(azurerm_private_endpoint.key_vault).private_dns_zone_group).private_dns_zone_ids == tolist([var.key_vault_private_dns_zone_id])
    error_message = "the endpoint must lead to the vault, under its public name"
  }
}

run "refuses_a_password_version_below_one" {
  command = plan

  variables {
    database_admin_password_version = 0
  }

  expect_failures = [var.database_admin_password_version]
}
