#!/usr/bin/env bash
# Brings an image to an environment: Terraform first, then the manifests with Terraform's
# outputs, then it waits until the new pods serve. Safe to run again at any time.
#
#   scripts/deploy.sh staging REGISTRY/order-events-api@sha256:…    deploy (or go back to) that image
#   scripts/deploy.sh --dry-run staging IMAGE                 print the manifests; needs no access to anything
#   scripts/deploy.sh registry                                once per organisation: where the images live
#
# On a terminal it shows the plan and asks. In CI, or with --yes, it does not ask.
# TERRAFORM=tofu uses OpenTofu.
set -euo pipefail

service=order-events-api
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
terraform=${TERRAFORM:-terraform}

say() { printf '%s\n' "$*" >&2; }

die() {
  say "deploy: $1"
  [[ -z ${2:-} ]] || say "hint: $2"
  exit "${3:-1}"
}

usage() {
  die "$1" "scripts/deploy.sh [--dry-run] [--yes] dev|staging|prod IMAGE@sha256:…   or   scripts/deploy.sh [--yes] registry" 2
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
  if found=$(grep -nE 'replace-me|replaced-by-kustomize|000000000000|192\.0\.2\.0/24' "$@"); then
    say "$found"
    die "placeholders are left" "put your own values there"
  fi
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

# A kubeconfig of our own, made for the cluster that Terraform names: your current context does
# not matter and is not touched.
connect_to_cluster() {
  need aws
  local cluster region
  cluster=$(terraform_output cluster_name)
  region=$(terraform_output region)
  export KUBECONFIG=$work/kubeconfig
  aws eks update-kubeconfig --name "$cluster" --region "$region" --kubeconfig "$KUBECONFIG" >&2
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

# First value of a key in the rendered manifests, such as a number of seconds.
manifest_value() { awk -v key="$1:" '$1 == key { print $2; exit }' "$work/manifests.yaml"; }

apply_manifests() {
  local namespace=$service-$environment previous
  local apply=(--server-side "--field-manager=$service-deploy" -f "$work/manifests.yaml")

  # Objects in a namespace that is not there yet cannot be compared.
  if kubectl get namespace "$namespace" >/dev/null 2>&1; then
    local differs=0
    kubectl diff "${apply[@]}" >&2 || differs=$?
    # 0 nothing to do, 1 differences, more: a real error
    ((differs <= 1)) || die "kubectl diff failed" "check that your identity may read and patch in $namespace"
  else
    say "namespace $namespace is new: everything will be created"
  fi
  confirm "Apply these manifests to $namespace?"
  previous=$(kubectl -n "$namespace" get deployment "$service" --ignore-not-found \
    -o 'jsonpath={.spec.template.spec.containers[0].image}')
  kubectl apply "${apply[@]}" >&2

  # Kubernetes itself gives up after progressDeadlineSeconds without progress. This bound is for a
  # rollout that keeps going, but slowly: three times that, and the time the last pod may drain.
  local progress grace
  progress=$(manifest_value progressDeadlineSeconds)
  grace=$(manifest_value terminationGracePeriodSeconds)
  kubectl -n "$namespace" rollout status "deployment/$service" \
    "--timeout=$((3 * progress + grace))s" >&2 || report_failure "$namespace" "$previous"
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
arguments=()
for argument in "$@"; do
  case $argument in
    --yes) ask=no ;;
    --dry-run) dry_run=yes ;;
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

need "$terraform" kubectl python3
apply_terraform "$root/deploy/terraform" "environments/$environment"
values=$(terraform_values)
render_manifests "$values" "image=$image"
refuse_placeholders "$work/manifests.yaml"
connect_to_cluster
apply_manifests
after_rollout
say "$service in $environment now runs $image"
