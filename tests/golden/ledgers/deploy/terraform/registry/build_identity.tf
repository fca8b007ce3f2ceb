# The identity of the job "Build" in .github/workflows/deploy.yaml: it pushes to this registry and
# can do nothing else. Whoever may run a job in the GitHub environments `build` (main alone) or
# `build-dev` (any branch) has it. An image of a branch stays in dev: the other environments ask
# for the signature of main.

resource "azurerm_user_assigned_identity" "build" {
  count = local.build_identities

  name                = "id-${local.service}-build"
  resource_group_name = azurerm_resource_group.registry.name
  location            = azurerm_resource_group.registry.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "build" {
  for_each = local.build_identities == 0 ? [] : toset(["build", "build-dev"])

  name                      = each.value
  user_assigned_identity_id = one(azurerm_user_assigned_identity.build).id
  issuer                    = "https://token.actions.githubusercontent.com"
  subject                   = "${var.github_subject_prefix}:environment:${each.value}"
  audience                  = ["api://AzureADTokenExchange"]
}

# Reader is for `az login`, which looks for a subscription that the identity may see.
resource "azurerm_role_assignment" "build" {
  for_each = local.build_identities == 0 ? [] : toset(["AcrPush", "Reader"])

  scope                = azurerm_container_registry.service.id
  role_definition_name = each.value
  principal_id         = one(azurerm_user_assigned_identity.build).principal_id
  principal_type       = "ServicePrincipal"
}

locals {
  build_identities = var.github_subject_prefix == null ? 0 : 1
}

output "build_client_id" {
  description = "AZURE_BUILD_CLIENT_ID of the GitHub repository; empty when the identity is made elsewhere."
  value       = join("", azurerm_user_assigned_identity.build[*].client_id)
}
