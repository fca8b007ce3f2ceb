#!/usr/bin/env bash
# Restores a backup into the service's database, which has to be empty or missing. Runs in the cluster, with the
# identity of the migrations, on what is left of the drill's job. See docs/disaster-recovery.md.
#
#   scripts/restore.sh --list prod                                  the backups there are
#   scripts/restore.sh prod                                         the newest one
#   scripts/restore.sh prod accounts/20261123T021700Z       that one
#
# It says which backup it takes, and asks for the name of the environment, unless --yes comes first.
set -euo pipefail

service=accounts

say() { printf '%s\n' "$*" >&2; }

die() {
  say "restore: $1"
  exit "${2:-1}"
}

ask=yes
list=
case ${1:-} in
  --yes) ask= && shift ;;
  --list) list=yes && shift ;;
esac
environment=${1:-}
backup=${2:-}
case $environment in
  dev) namespace=accounts-dev ;;
  staging) namespace=accounts-staging ;;
  prod) namespace=accounts-prod ;;
  *) die "usage: scripts/restore.sh [--yes|--list] dev|staging|prod [BACKUP]" 2 ;;
esac
[[ $backup =~ ^[a-z0-9_/TZ]*$ ]] || die "'$backup' is no name of a backup" 2
command -v kubectl >/dev/null || die "'kubectl' is not installed"

# The job of the drill has the programs, the settings and the room. A copy is none of the CronJob's any more, or it
# would count as a drill; nor has it a deadline, because half a restore is none.
start() { # kind, arguments as JSON, more changes as JSON
  name=$service-$1-$(date -u +%Y%m%d%H%M%S)
  kubectl -n "$namespace" create job "$name" "--from=cronjob/$service-drill" --dry-run=client -o json |
    kubectl patch --local -f - -o json --type=json -p "[
      {\"op\": \"remove\", \"path\": \"/metadata/ownerReferences\"},
      {\"op\": \"remove\", \"path\": \"/spec/activeDeadlineSeconds\"},
      {\"op\": \"add\", \"path\": \"/spec/ttlSecondsAfterFinished\", \"value\": 345600},
      {\"op\": \"replace\", \"path\": \"/spec/backoffLimit\", \"value\": 0},
      {\"op\": \"replace\", \"path\": \"/spec/template/metadata/labels/app.kubernetes.io~1component\", \"value\": \"$1\"},
      {\"op\": \"replace\", \"path\": \"/spec/template/spec/containers/0/args\", \"value\": $2}${3:+, $3}
    ]" |
    kubectl -n "$namespace" create -f - >&2
}

# Whether the job succeeded. Who can't be asked any more, because a login has ended, is no reason to stop it.
succeeded() {
  local finished='' missed=0
  until [[ -n $finished ]]; do
    sleep "${RESTORE_PAUSE:-5}"
    if finished=$(kubectl -n "$namespace" get "job/$name" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}'); then
      missed=0
    elif ((++missed == 10)); then
      die "the cluster does not answer; job/$name goes on: kubectl -n $namespace get job/$name"
    fi
  done
  [[ " $finished " == *" Complete "* ]]
}

backups() {
  start backups '["backups"]'
  succeeded || { kubectl -n "$namespace" logs "job/$name" --tail=50 >&2 && die "job/$name failed"; }
  kubectl -n "$namespace" logs "job/$name" --tail=-1 | grep "^accounts/" || die "there is no backup"
}

if [[ -n $list ]]; then
  backups
  exit
fi
if [[ -z $backup ]]; then
  say "looking for the newest backup"
  found=$(backups)
  backup=${found##*$'\n'}
fi

say "cluster: $(kubectl config current-context), namespace: $namespace, backup: $backup (UTC)"
if [[ -n $ask ]]; then
  [[ -t 0 ]] || die "cannot ask: this is not a terminal; add --yes when nobody can answer"
  read -r -p "Type the name of the environment to go on: " answer
  [[ $answer == "$environment" ]] || die "stopped; nothing was changed"
fi

# What the drill lacks are the rights: to make roles and to own the schema.
start restore "[\"restore\", \"$backup\"]" "
  {\"op\": \"replace\", \"path\": \"/spec/template/spec/serviceAccountName\", \"value\": \"$service-migrate\"},
  {\"op\": \"replace\", \"path\": \"/spec/template/spec/containers/0/volumeMounts/1/mountPath\", \"value\": \"/run/secrets/database-admin\"},
  {\"op\": \"replace\", \"path\": \"/spec/template/spec/volumes/1/csi/volumeAttributes/secretProviderClass\", \"value\": \"$service-database-admin\"}"
result=0
succeeded || result=$?
kubectl -n "$namespace" logs "job/$name" --tail=50 >&2 || true
((result == 0)) || die "job/$name failed, its log says why. Where it says that the backup is there, the rows are restored and
differ from what was backed up: look at them. Otherwise the database is empty, as it was"
say "restored; deploy next, which brings the schema to the version that runs"
