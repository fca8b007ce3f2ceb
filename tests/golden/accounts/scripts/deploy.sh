#!/usr/bin/env bash
# Brings an image to an environment: Terraform first, then the manifests with Terraform's
# outputs, then it waits until the new pods serve. Safe to run again at any time.
#
#   scripts/deploy.sh staging REGISTRY/accounts@sha256:…    deploy (or go back to) that image
#   scripts/deploy.sh --dry-run staging IMAGE                 print the manifests; needs no access to anything
#   scripts/deploy.sh registry                                once per organisation: where the images live
#
# On a terminal it shows the plan and asks. In CI, or with --yes, it does not ask.
# --skip-signature takes an image that the pipeline has not signed. TERRAFORM=tofu uses OpenTofu.
set -euo pipefail

service=accounts
deployments=(accounts)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
terraform=${TERRAFORM:-terraform}

say() { printf '%s\n' "$*" >&2; }

die() {
  say "deploy: $1"
  [[ -z ${2:-} ]] || say "hint: $2"
  exit "${3:-1}"
}

usage() {
  die "$1" "scripts/deploy.sh [--dry-run] [--yes] [--skip-signature] dev|staging|prod IMAGE@sha256:…   or   scripts/deploy.sh [--yes] registry" 2
}

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || die "'$tool' is not installed" "install it, or put it on PATH"
  done
}

confirm() {
  [[ $ask == no ]] && return
  [[ -t 0 ]] || die "cannot ask: this is not a terminal" "add --yes when nobody can answer"
  local answer
  read -r -p "$1 [y/N] " answer
  [[ $answer == [yY] ]] || die "stopped; nothing more was changed"
}

# Nothing in the sample values may reach an account or a cluster.
refuse_placeholders() {
  local found
  if found=$(grep -nE 'replace-me|replaced-by-kustomize|000000000000|192\.0\.2\.' "$@"); then
    say "$found"
    die "placeholders are left" "put your own values there"
  fi
}

# An alert whose runbook is a dead link, and code that nobody owns.
refuse_sample_organization() {
  local found
  if found=$(grep -rnw 'example-org' "$root/.github/CODEOWNERS" "$root/deploy/kubernetes/overlays/$environment"); then
    say "$found"
    die "example-org is left" "set delivery.organization in sm.yaml, let sm bring the files up to date, and name your team in .github/CODEOWNERS"
  fi
}

# What production runs has to be in the history: manifests and Terraform come from this folder.
refuse_uncommitted_changes() {
  local changes
  [[ $environment == prod ]] || return 0
  changes=$(git -C "$root" status --porcelain) || die "$root is not a git repository" "deploy from a clone"
  [[ -z $changes ]] || {
    say "$changes"
    die "there are uncommitted changes" "commit or stash them; production is deployed from a commit"
  }
}

# https://HOST/OWNER/REPOSITORY, from Actions or from `origin` in any of its three forms.
repository_url() {
  local url
  if [[ -n ${GITHUB_ACTIONS:-} ]]; then
    echo "${GITHUB_SERVER_URL:?}/${GITHUB_REPOSITORY:?}"
    return
  fi
  url=$(git -C "$root" remote get-url origin) ||
    die "cannot tell who signs: this clone has no remote 'origin'" "git remote add origin git@github.com:OWNER/REPOSITORY.git"
  url=${url%/}
  url=${url%.git}
  [[ $url =~ ^([a-z]+://)?([^@/]+@)?([^:/]+)(:[0-9]+)?[:/](.+)$ ]] || die "cannot read the remote '$url'"
  echo "https://${BASH_REMATCH[3]}/${BASH_REMATCH[5]}"
}

# The signature says which workflow built the image, and from which branch. dev takes any branch of
# this repository, the other environments take main alone.
verify_signature() {
  local signer who
  if [[ $signature == skipped ]]; then
    say "warning: the signature of $image is not checked"
    return
  fi
  need cosign
  signer=$(repository_url)/.github/workflows/deploy.yaml@refs/heads
  if [[ $environment == dev ]]; then
    who=("--certificate-identity-regexp=^${signer//./\\.}/.+$")
  else
    who=("--certificate-identity=$signer/main")
  fi
  sign_in_to_registry
  cosign verify "${who[@]}" --certificate-oidc-issuer=https://token.actions.githubusercontent.com "$image" >/dev/null ||
    die "no signature of $signer on $image" "deploy an image that the workflow 'Deploy' has built; --skip-signature is for emergencies"
}

# Otherwise the first that is missing would stop the deployment half-way.
check_kinds() {
  local missing
  # It fails when a single API of the cluster does not answer, such as metrics, and prints the others.
  kubectl api-resources --no-headers >"$work/kinds" || true
  [[ -s $work/kinds ]] || die "the cluster does not say what it offers" "check that it can be reached: kubectl api-resources"
  missing=$(awk 'NR == FNR { if (NF > 3) offered[$(NF - 2) " " $NF]; next }
    /^apiVersion:/ { version = $2 }
    /^kind:/ && !((version " " $2) in offered) { print "  " version " " $2 }' "$work/kinds" "$work/manifests.yaml" | sort -u)
  [[ -z $missing ]] || {
    say "$missing"
    die "the cluster does not know these kinds" "docs/architecture.md says what has to be installed there"
  }
}

# apply_terraform DIRECTORY NAME: NAME.tfvars and NAME.*.tfbackend lie in DIRECTORY.
apply_terraform() {
  terraform_directory=$1
  local name=$2 backend=("$1/$2".*.tfbackend)
  [[ -f ${backend[0]} && -f $1/$name.tfvars ]] ||
    die "$name.tfvars or its .tfbackend is missing in ${1#"$root/"}" "restore both from git, or generate the service again"
  refuse_placeholders "${backend[0]}" "$1/$name.tfvars"

  local init=(-input=false -reconfigure "-backend-config=${backend[0]}")
  if [[ -f $1/.terraform.lock.hcl ]]; then
    # In CI nothing may change which provider builds are trusted.
    [[ -z ${CI:-} ]] || init+=(-lockfile=readonly)
  else
    say "warning: no .terraform.lock.hcl in ${1#"$root/"}, so any provider build of the allowed versions is taken"
    say "hint: $terraform -chdir=${1#"$root/"} providers lock -platform=linux_amd64 -platform=linux_arm64 -platform=darwin_arm64, and commit the file"
  fi
  run_terraform init "${init[@]}" >&2
  run_terraform plan -input=false "-var-file=$1/$name.tfvars" "-out=$work/terraform.plan" >&2
  confirm "Apply this plan?"
  # The plan that was shown, and nothing else.
  run_terraform apply -input=false "$work/terraform.plan" >&2
}

run_terraform() { "$terraform" "-chdir=$terraform_directory" "$@"; }

terraform_output() { run_terraform output -raw "$1"; }

# The flat map `kubernetes` as KEY=VALUE lines.
terraform_values() {
  run_terraform output -json kubernetes |
    python3 -c 'import json, sys; [print(f"{key}={value}") for key, value in sorted(json.load(sys.stdin).items())]'
}

cloud_tools=(aws)

# A kubeconfig of our own, made for the cluster that Terraform names: your current context does
# not matter and is not touched.
connect_to_cluster() {
  local cluster region
  cluster=$(terraform_output cluster_name)
  region=$(terraform_output region)
  export KUBECONFIG=$work/kubeconfig
  aws eks update-kubeconfig --name "$cluster" --region "$region" --kubeconfig "$KUBECONFIG" >&2
}

# ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME@DIGEST, taken apart.
read_image() {
  [[ $image =~ ^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?/([^@]+)@(.+)$ ]] ||
    die "'$image' is not in a registry of AWS" "deploy what the pipeline has pushed"
  registry_account=${BASH_REMATCH[1]} registry_region=${BASH_REMATCH[2]}
  repository=${BASH_REMATCH[4]} digest=${BASH_REMATCH[5]}
}

# cosign reads signatures from the registry. The token is valid in every registry that your
# identity may read; it is kept for this run only, apart from your own logins.
sign_in_to_registry() {
  read_image
  export DOCKER_CONFIG=$work/docker
  aws ecr get-login-password --region "$registry_region" |
    cosign login --username AWS --password-stdin "${image%%/*}" >&2
}

# The registry forgets old images, but never one with a tag prod-… (deploy/terraform/registry). The
# digest is the tag, so saying it again changes nothing.
keep_image() {
  local manifest type answer
  read_image
  local which=(--region "$registry_region" --registry-id "$registry_account" --repository-name "$repository")
  manifest=$(aws ecr batch-get-image "${which[@]}" --image-ids "imageDigest=$digest" --query 'images[0].imageManifest' --output text)
  type=$(aws ecr batch-get-image "${which[@]}" --image-ids "imageDigest=$digest" --query 'images[0].imageManifestMediaType' --output text)
  answer=$(aws ecr put-image "${which[@]}" --image-tag "prod-${digest#sha256:}" --image-digest "$digest" \
    --image-manifest "$manifest" --image-manifest-media-type "$type" 2>&1 >/dev/null) ||
    [[ $answer == *AlreadyExistsException* ]] || {
    say "$answer"
    die "cannot mark $image as one that production runs" "the identity that deploys needs ecr:PutImage: docs/aws-access.md"
  }
}

# render_manifests LINES…: builds the overlay in a copy, with the KEY=VALUE lines in
# terraform-outputs.env (last one wins). The repository itself is never written to.
render_manifests() {
  cp -R "$root/deploy/kubernetes" "$work/kubernetes"
  local overlay=$work/kubernetes/overlays/$environment
  local file=$overlay/terraform-outputs.env
  printf '%s\n' "$@" >"$work/values.env"
  awk -F= '/^[a-z_]+=/ { if (!($1 in value)) order[++count] = $1; value[$1] = substr($0, length($1) + 2) }
    END { for (i = 1; i <= count; i++) print order[i] "=" value[order[i]] }' "$file" "$work/values.env" >"$file.new"
  mv "$file.new" "$file"
  kubectl kustomize "$overlay" >"$work/manifests.yaml"
}

# Largest value of a key in the rendered manifests, such as a number of seconds.
manifest_value() { awk -v key="$1:" '$1 == key && $2 > most { most = $2 + 0 } END { print most + 0 }' "$work/manifests.yaml"; }

apply_manifests() {
  local namespace=$service-$environment previous found
  # A Job can't be changed once it is there: each deployment makes one of its own, before the rest.
  manifests_of yes Job >"$work/migration.yaml"
  manifests_of no Job >"$work/others.yaml"
  mv "$work/others.yaml" "$work/manifests.yaml"

  # --force-conflicts: what is in git wins over a field that somebody has set by hand with kubectl,
  # in an emergency say. Without it such a field would stop every later deployment.
  # The number of pods is not in the manifests, so the autoscaler keeps it.
  local apply=(--server-side --force-conflicts "--field-manager=$service-deploy" -f "$work/manifests.yaml")

  found=$(kubectl get namespace "$namespace" --ignore-not-found -o name) ||
    die "cannot read the namespace $namespace" "docs/delivery.md: what the identity that deploys may do in the cluster"
  # Objects in a namespace that is not there yet cannot be compared.
  if [[ -n $found ]]; then
    local differs=0
    kubectl diff "${apply[@]}" >&2 || differs=$?
    # 0 nothing to do, 1 differences, more: a real error
    ((differs <= 1)) || die "kubectl diff failed" "check that your identity may read and patch in $namespace"
  else
    say "namespace $namespace is new: everything will be created"
  fi
  confirm "Apply these manifests to $namespace?"
  previous=$(kubectl -n "$namespace" get deployment "${deployments[0]}" --ignore-not-found \
    -o 'jsonpath={.spec.template.spec.containers[0].image}')
  migrate "$namespace" "$previous"
  kubectl apply "${apply[@]}" >&2

  # Kubernetes itself gives up after progressDeadlineSeconds without progress. This bound is for a
  # rollout that keeps going, but slowly: three times that, and the time the last pod may drain.
  local progress grace deployment
  progress=$(manifest_value progressDeadlineSeconds)
  grace=$(manifest_value terminationGracePeriodSeconds)
  for deployment in "${deployments[@]}"; do
    kubectl -n "$namespace" rollout status "deployment/$deployment" \
      "--timeout=$((3 * progress + grace))s" >&2 || report_failure "$namespace" "$previous"
  done
}

# Nothing is rolled back behind your back: the old pods go on serving while the new ones fail,
# and deploying the previous image takes the same, tested way.
report_failure() {
  say "--- pods, events and last words of the containers in $1"
  kubectl -n "$1" get pods -l "app.kubernetes.io/name=$service" -o wide >&2 || true
  kubectl -n "$1" get events --field-selector type=Warning --sort-by=.lastTimestamp 2>&1 | tail -n 20 >&2 || true
  kubectl -n "$1" logs -l "app.kubernetes.io/name=$service" --all-containers --prefix --tail=20 >&2 || true
  [[ -n $2 && $2 != "$image" ]] ||
    die "the rollout did not finish, and there is no earlier image to go back to" "docs/runbook.md"
  die "the rollout did not finish; pods of $2 are still serving" "to go back: scripts/deploy.sh $environment $2"
}

# manifests_of yes|no KIND…: those of the rendered manifests that are of these kinds, or are not.
manifests_of() {
  awk -v wanted="$1" -v kinds=" ${*:2} " '
    function end() { if (kind != "" && (index(kinds, " " kind " ") > 0) == (wanted == "yes")) printf "---\n%s", text; text = kind = "" }
    /^---$/ { end(); next }
    /^kind: / { kind = $2 }
    { text = text $0 "\n" }
    END { end() }' "$work/manifests.yaml"
}

# The schema first, then the code. Each version works with the schema of the next one (docs/delivery.md), so the
# pods that serve meanwhile, and those of a version that is deployed again, find what they know.
migrate() {
  local namespace=$1 previous=$2 job deadline finished waited=0 failures=0
  # What it runs with.
  manifests_of yes Namespace ServiceAccount ConfigMap SecretProviderClass NetworkPolicy CiliumNetworkPolicy >"$work/before.yaml"
  kubectl apply --server-side --force-conflicts "--field-manager=$service-deploy" -f "$work/before.yaml" >&2
  sed "s/^  name: $service-migrate\$/  generateName: $service-migrate-/" "$work/migration.yaml" >"$work/job.yaml"
  job=$(kubectl -n "$namespace" create -f "$work/job.yaml" -o name)
  say "$job: roles and migrations"

  # Kubernetes ends it after its deadline; a minute later it must have said so.
  deadline=$(awk '$1 == "activeDeadlineSeconds:" { print $2 }' "$work/job.yaml")
  until ((waited > deadline + 60)); do
    if finished=$(kubectl -n "$namespace" get "$job" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}' 2>"$work/error"); then
      failures=0
    else
      # A minute in a row: credentials that have run out do not come back.
      ((++failures < 20)) || {
        cat "$work/error" >&2
        die "the cluster does not say how $job is getting on" "it goes on without us: look at it, and deploy again when it is done"
      }
    fi
    case " $finished " in
      *" Complete "*) return ;;
      *" Failed "*) break ;;
      *) ;;
    esac
    sleep "${MIGRATION_PAUSE:-3}"
    waited=$((waited + 3))
  done
  say "--- pods, events and last words of $job"
  kubectl -n "$namespace" get pods -l "batch.kubernetes.io/job-name=${job#*/}" -o wide >&2 || true
  kubectl -n "$namespace" get events --field-selector type=Warning --sort-by=.lastTimestamp 2>&1 | tail -n 20 >&2 || true
  kubectl -n "$namespace" logs -l "batch.kubernetes.io/job-name=${job#*/}" --all-containers --prefix --tail=50 >&2 || true
  [[ -z $previous ]] || say "nothing was rolled out: pods of $previous go on"
  die "the migrations did not finish" "docs/runbook.md#migrationfailed, and kubectl -n $namespace describe $job"
}

# A backup and a drill have the whole database on a disk of the default class for as long as they take.
check_disks() {
  local classes name reclaim encrypted
  classes=$(kubectl get storageclasses -o 'jsonpath={range .items[?(@.metadata.annotations.storageclass\.kubernetes\.io/is-default-class=="true")]}{.metadata.name} {.reclaimPolicy} {.parameters.encrypted}{"\n"}{end}') ||
    die "cannot read the StorageClasses of the cluster" "have deploy/kubernetes/access/$environment.yaml applied again, which allows it"
  [[ -n $classes ]] || die "the cluster has no default StorageClass" "backups need disks; docs/architecture.md says of which kind"
  while read -r name reclaim encrypted; do
    [[ $reclaim == Delete ]] ||
      die "disks of the StorageClass $name stay, with copies of the database on them" "its reclaimPolicy has to be Delete"
    # The class says so, or the account does of every disk.
    [[ $encrypted == true || $(aws ec2 get-ebs-encryption-by-default --region "$(terraform_output region)" --query EbsEncryptionByDefault --output text) == True ]] ||
      die "disks of the StorageClass $name are not encrypted" "set its parameter encrypted, or: aws ec2 enable-ebs-encryption-by-default"
  done <<<"$classes"
}

before_rollout() {
  : # what the registry or the cloud has to know before the pods start
  check_disks
  [[ $environment != prod ]] || keep_image
}

after_rollout() {
  say "all pods of $service in $environment serve the new version"

  # The controller makes the load balancer from the Gateway. When it is not the one that Terraform
  # has seen (first deployment, or it was replaced), DNS record and alarms have to follow it.
  local namespace=$service-$environment address known
  kubectl -n "$namespace" wait "gateway/$service" --for=condition=Programmed --timeout=10m >&2 ||
    die "the load balancer is not ready after 10 minutes" "kubectl -n $namespace describe gateway $service"
  address=$(kubectl -n "$namespace" get gateway "$service" -o 'jsonpath={.status.addresses[0].value}' | tr '[:upper:]' '[:lower:]')
  known=$(terraform_output load_balancer | tr '[:upper:]' '[:lower:]')
  if [[ $address != "$known" ]]; then
    say "new load balancer $address: DNS record and alarms follow"
    apply_terraform "$root/deploy/terraform" "environments/$environment"
    known=$(terraform_output load_balancer | tr '[:upper:]' '[:lower:]')
    [[ $address == "$known" ]] ||
      die "Terraform does not find $address" "do its tags Service and Environment say $service and $environment?"
  fi
}

ask=yes
[[ -z ${CI:-} ]] || ask=no
dry_run=no
signature=required
arguments=()
for argument in "$@"; do
  case $argument in
    --yes) ask=no ;;
    --dry-run) dry_run=yes ;;
    --skip-signature) signature=skipped ;;
    -*) usage "unknown option '$argument'" ;;
    *) arguments+=("$argument") ;;
  esac
done
environment=${arguments[0]:-}
image=${arguments[1]:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $environment in
  registry)
    [[ ${#arguments[@]} == 1 && $dry_run == no ]] || usage "registry takes no image and no --dry-run"
    need "$terraform"
    apply_terraform "$root/deploy/terraform/registry" registry
    say "images go to: $(terraform_output repository_url)"
    exit
    ;;
  dev) ;;
  staging) ;;
  prod) ;;
  '') usage "which environment?" ;;
  *) usage "'$environment' is not an environment of this service" ;;
esac
[[ ${#arguments[@]} == 2 ]] || usage "exactly one environment and one image"

# By digest only: a tag can mean something else tomorrow, and the signature belongs to the digest.
[[ $image =~ ^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$ ]] ||
  die "'$image' is not an image with a digest" "use REGISTRY/NAME@sha256:… as the build printed it"

if [[ $dry_run == yes ]]; then
  need kubectl
  say "dry run: values of Terraform are the placeholders of the repository"
  render_manifests "image=$image"
  cat "$work/manifests.yaml"
  exit
fi

need "$terraform" kubectl python3 git "${cloud_tools[@]}"
refuse_sample_organization
refuse_uncommitted_changes
verify_signature
apply_terraform "$root/deploy/terraform" "environments/$environment"
values=$(terraform_values)
render_manifests "$values" "image=$image"
refuse_placeholders "$work/manifests.yaml"
connect_to_cluster
check_kinds
before_rollout
apply_manifests
after_rollout
say "$service in $environment now runs $image"
