# One registry for all environments: an image is built once, and the digest that passed in staging
# is the one that runs in production. It has a state of its own because it has to be there before
# the first image, and because destroying an environment must never take the images of the others
# away. Apply it once: scripts/deploy.sh registry
#
# Standard, about 20 dollars a month. Premium costs 50 and adds what nothing here needs: private
# endpoints (the pipeline's runners are outside the network), copies in other regions, and a
# retention of untagged manifests that knows nothing of signatures. Copies in other zones, and
# encryption at rest, come with every tier.
# https://learn.microsoft.com/azure/container-registry/container-registry-skus

resource "azurerm_resource_group" "registry" {
  name     = "rg-${local.service}-registry"
  location = var.region
  tags     = local.tags
}

resource "azurerm_container_registry" "service" {
  #checkov:skip=CKV_AZURE_139: runners of GitHub push from outside the network; without a token nothing is served
  #checkov:skip=CKV_AZURE_164: images are signed with cosign and scripts/deploy.sh verifies that; content trust is retired
  #checkov:skip=CKV_AZURE_165: clusters are in one region
  #checkov:skip=CKV_AZURE_166: the pipeline scans before it pushes, and tags only what passed
  #checkov:skip=CKV_AZURE_167: signatures are untagged manifests; the task below knows them
  #checkov:skip=CKV_AZURE_233: Standard is zone-redundant without the setting, which is of Premium
  #checkov:skip=CKV_AZURE_237: of Premium, for firewalls that admit storage by its host name
  name                = var.registry_name
  resource_group_name = azurerm_resource_group.registry.name
  location            = azurerm_resource_group.registry.location
  sku                 = "Standard"
  tags                = local.tags

  # Everybody signs in as themselves.
  admin_enabled          = false
  anonymous_pull_enabled = false

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_role_assignment" "pull" {
  for_each = var.pull_principal_ids

  scope                = azurerm_container_registry.service.id
  role_definition_name = "AcrPull"
  principal_id         = each.value
  principal_type       = "ServicePrincipal"
  description          = each.key
}

# What runs must still be pullable when a node is replaced: only what is both older than a year and
# not among the newest 300 builds is forgotten. Builds are the tags COMMIT-RUN.ATTEMPT; a manifest
# goes with its last tag, and its signatures and SBOM go with it. `acr purge` is in preview.
# https://learn.microsoft.com/azure/container-registry/container-registry-auto-purge
resource "azurerm_container_registry_task" "purge" {
  name                  = "purge"
  container_registry_id = azurerm_container_registry.service.id
  timeout_in_seconds    = 3600
  tags                  = local.tags

  platform {
    os = "Linux"
  }

  encoded_step {
    task_content = base64encode(<<-EOT
      version: v1.1.0
      steps:
        - cmd: acr purge --filter '${local.service}:^[0-9a-f]{40}-' --ago 365d --keep 300 --untagged
          disableWorkingDirectoryOverride: true
          timeout: 3600
    EOT
    )
  }

  timer_trigger {
    name     = "weekly"
    schedule = "0 3 * * Sun"
  }
}

output "repository_url" {
  description = "Where the workflow pushes images to."
  value       = "${azurerm_container_registry.service.login_server}/${local.service}"
}
