#!/usr/bin/env bash
# Checks the Prometheus rules of every environment and runs their unit tests (deploy/kubernetes/tests).
# promtool reads plain rule files, not PrometheusRule objects: what stands below `spec:` is one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v promtool >/dev/null; then
  echo "promtool is missing. It comes with Prometheus: https://prometheus.io/download/ or 'apt install prometheus'" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for environment in dev staging prod; do
  mkdir "$work/$environment"
  for rule in deploy/kubernetes/overlays/"$environment"/prometheus-rule-*.yaml; do
    sed -e '1,/^spec:$/d' -e 's/^  //' "$rule" >"$work/$environment/$(basename "$rule")"
  done
  promtool check rules "$work/$environment"/*.yaml
done

# The tests are written for production: the other environments differ in severity alone.
cp deploy/kubernetes/tests/*.test.yaml "$work/prod/"
promtool test rules "$work"/prod/*.test.yaml
