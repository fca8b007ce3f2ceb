# Who may read the images, and that nobody else may. Only plans, for the registry refuses to be
# destroyed.

mock_provider "azurerm" {}

variables {
  subscription_id = "11111111-2222-3333-4444-555555555555"
  registry_name   = "example123"
}

run "nobody_without_an_identity" {
  command = plan

  assert {
    condition     = !azurerm_container_registry.service.admin_enabled && !azurerm_container_registry.service.anonymous_pull_enabled
    error_message = "everybody must sign in as themselves"
  }

  assert {
    condition     = length(azurerm_role_assignment.pull) == 0
    error_message = "nobody may pull unless named"
  }
}

run "named_identities_pull_and_nothing_else" {
  command = plan

  variables {
    pull_principal_ids = { staging-nodes = "22222222-3333-4444-5555-666666666666" }
  }

  assert {
    condition     = [for grant in azurerm_role_assignment.pull : "${grant.principal_id} ${grant.role_definition_name}"] == ["22222222-3333-4444-5555-666666666666 AcrPull"]
    error_message = "exactly the named identities, and reading alone"
  }
}

run "builds_are_kept_long_enough" {
  command = plan

  assert {
    condition     = strcontains(base64decode(one(azurerm_container_registry_task.purge.encoded_step).task_content), "--filter 'ledgers:^[0-9a-f]{40}-' --ago 365d --keep 300 ")
    error_message = "only old builds of this service may be forgotten, and never the newest 300"
  }
}

run "refuses_placeholder_subscription" {
  command = plan

  variables {
    subscription_id = "00000000-0000-0000-0000-000000000000"
  }

  expect_failures = [var.subscription_id]
}

run "refuses_placeholder_name" {
  command = plan

  variables {
    registry_name = "replace-me"
  }

  expect_failures = [var.registry_name]
}

run "refuses_malformed_region" {
  command = plan

  variables {
    region = "West Europe"
  }

  expect_failures = [var.region]
}

run "refuses_what_is_no_object_id" {
  command = plan

  variables {
    pull_principal_ids = { staging-nodes = "staging" }
  }

  expect_failures = [var.pull_principal_ids]
}
