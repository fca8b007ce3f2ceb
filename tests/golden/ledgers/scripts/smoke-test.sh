#!/usr/bin/env bash
# Asks a deployed service from outside, through DNS, TLS and the load balancer.
#
#   scripts/smoke-test.sh https://HOST
set -euo pipefail
url=${1:?usage: scripts/smoke-test.sh https://HOST}

# The service's own 404 is the question that needs no data and no sign-in. A load balancer's error
# page is no problem+json, so this answer comes from a pod. Probes are not reachable from outside.
# DNS and the load balancer of a first deployment need minutes: 30 tries, 10 seconds apart.
for try in {1..30}; do
  # curl itself says why when it gets no answer at all; `000` then stands for the status.
  answer=$(curl --silent --show-error --max-time 10 --output /dev/null \
    --write-out '%{http_code} %{content_type}' "$url/there-is-no-such-path") || true
  case $answer in
    "404 application/problem+json"*)
      echo "smoke-test: $url answers"
      exit
      ;;
  esac
  echo "smoke-test: try $try: '$answer' instead of the service's own 404" >&2
  ((try == 30)) || sleep "${SMOKE_TEST_PAUSE:-10}"
done
exit 1
