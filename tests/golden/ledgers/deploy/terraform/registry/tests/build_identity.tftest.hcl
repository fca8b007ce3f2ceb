# The identity that builds: who may have it, and how little it may do.

mock_provider "azurerm" {
  mock_resource "azurerm_container_registry" {
    defaults = {
      id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-ledgers-registry/providers/Microsoft.ContainerRegistry/registries/example123"
    }
  }
}

variables {
  subscription_id       = "11111111-2222-3333-4444-555555555555"
  registry_name         = "example123"
  github_subject_prefix = "repo:shop@123/ledgers@456"
}

run "only_the_build_jobs_of_this_repository" {
  command = plan

  assert {
    condition = toset([for credential in azurerm_federated_identity_credential.build : credential.subject]) == toset([
      "repo:shop@123/ledgers@456:environment:build",
      "repo:shop@123/ledgers@456:environment:build-dev",
    ])
    error_message = "the identity must be pinned to the two environments that build"
  }

  assert {
    condition     = alltrue([for credential in azurerm_federated_identity_credential.build : credential.issuer == "https://token.actions.githubusercontent.com"])
    error_message = "only tokens of GitHub Actions may be taken"
  }

  assert {
    condition     = toset([for grant in azurerm_role_assignment.build : grant.role_definition_name]) == toset(["AcrPush", "Reader"])
    error_message = "it must push to this registry and do nothing else"
  }
}

run "no_identity_unless_it_is_asked_for" {
  command = plan

  variables {
    github_subject_prefix = null
  }

  assert {
    condition     = length(azurerm_user_assigned_identity.build) == 0 && length(azurerm_role_assignment.build) == 0 && output.build_client_id == ""
    error_message = "an organisation that makes its identities elsewhere gets none"
  }
}

run "refuses_a_pattern_for_a_subject" {
  command = plan

  variables {
    github_subject_prefix = "repo:shop/*"
  }

  expect_failures = [var.github_subject_prefix]
}
