#!/usr/bin/env bash
# Prints the image that the pipeline has built for a commit, by digest.
#
#   scripts/find-image.sh [COMMIT]        default: HEAD
#
# Reads the registry of the account that your AWS credentials belong to (ecr:DescribeImages).
set -euo pipefail
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")

# Tags are COMMIT-RUN.ATTEMPT, set when scan and signature were done; the newest one counts.
# As JSON, because as text the query would be answered once for each page of the registry.
found=$(aws ecr describe-images --region us-east-1 --repository-name order-events-api \
  --filter tagStatus=TAGGED --output json --query \
  "sort_by(imageDetails[?imageTags && imageTags[?starts_with(@, '$commit-')]], &imagePushedAt)[-1].[registryId, imageDigest]")
read -r account digest <<<"$(tr -d '[],"\n' <<<"$found")"
if [[ $digest != sha256:* ]]; then
  echo "find-image: the registry has no image of commit $commit" >&2
  echo "hint: push it, wait for the workflow 'Deploy', and look at its build" >&2
  exit 1
fi
echo "$account.dkr.ecr.us-east-1.amazonaws.com/order-events-api@$digest"
