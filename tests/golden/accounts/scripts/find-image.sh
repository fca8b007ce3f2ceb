#!/usr/bin/env bash
# Prints the image that the pipeline has built for a commit, by digest.
#
#   scripts/find-image.sh [COMMIT]        default: HEAD
#
# Reads the registry of the account in deploy/terraform/registry/registry.tfvars, whichever account
# your AWS credentials belong to (ecr:DescribeImages).
set -euo pipefail
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
values=$(dirname "${BASH_SOURCE[0]}")/../deploy/terraform/registry/registry.tfvars

value() { sed -n "s/^$1 *= *\"\(.*\)\"/\1/p" "$values"; }
account=$(value account_id)
region=$(value region)
if [[ ! $account =~ ^[0-9]{12}$ || $account == 000000000000 ]]; then
  echo "find-image: account_id in ${values#*/../} is '$account', which is no account" >&2
  echo "hint: put the account there that holds the images" >&2
  exit 1
fi

# Tags are COMMIT-RUN.ATTEMPT, set when scan and signature were done; the newest one counts.
# As JSON, because as text the query would be answered once for each page of the registry.
found=$(aws ecr describe-images --region "$region" --registry-id "$account" --repository-name accounts \
  --filter tagStatus=TAGGED --output json --query \
  "sort_by(imageDetails[?imageTags && imageTags[?starts_with(@, '$commit-')]], &imagePushedAt)[-1].imageDigest")
digest=$(tr -d '"' <<<"$found")
if [[ $digest != sha256:* ]]; then
  echo "find-image: the registry has no image of commit $commit" >&2
  echo "hint: push it, wait for the workflow 'Deploy', and look at its build" >&2
  exit 1
fi
echo "$account.dkr.ecr.$region.amazonaws.com/accounts@$digest"
