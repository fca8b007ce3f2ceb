#!/usr/bin/env bash
# Asks a deployed service from outside, through DNS, TLS and the load balancer.
#
#   scripts/smoke-test.sh https://HOST
set -euo pipefail
url=${1:?usage: scripts/smoke-test.sh https://HOST}

# DNS and the load balancer of a first deployment need minutes: 30 tries, 10 seconds apart.
ready=(--silent --show-error --fail --max-time 10 --retry 30 --retry-delay 10 --retry-all-errors)
curl "${ready[@]}" --output /dev/null "$url/readyz"

# A load balancer's own error page is no problem+json: this answer comes from the service.
answer=$(curl --silent --show-error --max-time 10 --output /dev/null \
  --write-out '%{http_code} %{content_type}' "$url/there-is-no-such-path")
case $answer in
  "404 application/problem+json"*) ;;
  *)
    echo "smoke-test: an unknown path gave '$answer' instead of the service's own 404" >&2
    exit 1
    ;;
esac
echo "smoke-test: $url is ready"
