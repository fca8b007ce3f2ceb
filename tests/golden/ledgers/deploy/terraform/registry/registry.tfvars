# Yours: `sm` writes this file once. scripts/deploy.sh refuses to run while a placeholder is left.
subscription_id = "00000000-0000-0000-0000-000000000000"
region          = "northeurope"

# Unique in all of Azure, 5 to 50 letters and digits; the registry answers at NAME.azurecr.io.
registry_name = "replace-me"

# Who pulls: the nodes of each cluster (docs/azure-access.md), and each identity that deploys.
pull_principal_ids = {}

# The pipeline's identity that builds is made when this is set: docs/azure-access.md
github_subject_prefix = null
