#!/usr/bin/env bash
# Prints the image that the pipeline has built for a commit, by digest.
#
#   scripts/find-image.sh [COMMIT]        default: HEAD
#
# Reads the registry in deploy/terraform/registry/registry.tfvars as whoever `az` is signed in (AcrPull).
set -euo pipefail
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
values=$(dirname "${BASH_SOURCE[0]}")/../deploy/terraform/registry/registry.tfvars

registry=$(sed -n 's/^registry_name *= *"\(.*\)"/\1/p' "$values")
if [[ ! $registry =~ ^[a-z0-9]{5,50}$ ]]; then
  echo "find-image: registry_name in ${values#*/../} is '$registry', which is no registry" >&2
  echo "hint: put the registry there that holds the images" >&2
  exit 1
fi

# Tags are COMMIT-RUN.ATTEMPT, set when scan and signature were done; the newest one counts.
digest=$(az acr repository show-tags --only-show-errors --name "$registry" --repository ledgers \
  --detail --orderby time_desc --query "[?starts_with(name, '$commit-')] | [0].digest" --output tsv)
if [[ $digest != sha256:* ]]; then
  echo "find-image: the registry has no image of commit $commit" >&2
  echo "hint: push it, wait for the workflow 'Deploy', and look at its build" >&2
  exit 1
fi
echo "$registry.azurecr.io/ledgers@$digest"
