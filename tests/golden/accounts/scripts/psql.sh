#!/usr/bin/env bash
# A session of the administrator on the primary, for a person. It runs in the cluster, in a pod of its own with the
# identity of the migrations, and is over after four hours or when you leave it. Who did what is in the server's log.
#
#   scripts/psql.sh prod              in the service's database
#   scripts/psql.sh prod postgres     in another one of that server
set -euo pipefail

service=accounts

die() {
  printf 'psql: %s\n' "$1" >&2
  exit "${2:-1}"
}

case ${1:-} in
  dev) namespace=accounts-dev ;;
  staging) namespace=accounts-staging ;;
  prod) namespace=accounts-prod ;;
  *) die "usage: scripts/psql.sh dev|staging|prod [DATABASE]" 2 ;;
esac
command -v kubectl >/dev/null || die "'kubectl' is not installed"

# The job of the rotation has the administrator's login. A copy is none of the CronJob's any more, or its end would
# count as a rotation.
name=$service-psql-$(date -u +%Y%m%d%H%M%S)
trap 'kubectl -n "$namespace" delete job "$name" --wait=false --ignore-not-found >&2' EXIT
kubectl -n "$namespace" create job "$name" "--from=cronjob/$service-rotate" --dry-run=client -o json |
  kubectl patch --local -f - -o json --type=json -p "[
    {\"op\": \"remove\", \"path\": \"/metadata/ownerReferences\"},
    {\"op\": \"replace\", \"path\": \"/spec/activeDeadlineSeconds\", \"value\": 14400},
    {\"op\": \"replace\", \"path\": \"/spec/backoffLimit\", \"value\": 0},
    {\"op\": \"replace\", \"path\": \"/spec/template/metadata/labels/app.kubernetes.io~1component\", \"value\": \"psql\"},
    {\"op\": \"replace\", \"path\": \"/spec/template/spec/containers/0/args\", \"value\": []},
    {\"op\": \"add\", \"path\": \"/spec/template/spec/containers/0/command\", \"value\": [\"sleep\", \"14400\"]}
  ]" |
  kubectl -n "$namespace" create -f - >&2
kubectl -n "$namespace" wait pod --for=condition=Ready --timeout=300s -l "batch.kubernetes.io/job-name=$name" >&2
kubectl -n "$namespace" exec -it "job/$name" -- python -m accounts psql "${@:2}"
