#!/usr/bin/env bash
# Starts an image under the restrictions of the cluster and waits until it is healthy. What that
# means is said by the Dockerfile's HEALTHCHECK; nothing else runs here, no database or cache either.
#
#   scripts/test-image.sh IMAGE
set -euo pipefail
image=${1:?usage: scripts/test-image.sh IMAGE}
engine=${CONTAINER:-$(command -v docker || command -v podman)}

container=$("$engine" run --detach --read-only --tmpfs /tmp --cap-drop=all \
  --security-opt=no-new-privileges --env-file .env.example --env APP_HOST=0.0.0.0 "$image")
trap '"$engine" rm --force "$container" >/dev/null' EXIT

# Three failed checks in a row, ten seconds apart, make a container unhealthy.
for _ in {1..60}; do
  # Podman leaves the checks to systemd, which containers and runners often lack.
  [[ $engine != *podman ]] || "$engine" healthcheck run "$container" >/dev/null 2>&1 || true
  health=$("$engine" inspect --format '{{.State.Health.Status}}' "$container")
  running=$("$engine" inspect --format '{{.State.Running}}' "$container")
  [[ $health == healthy ]] && break
  [[ $health != unhealthy && $running == true ]] || break
  sleep 1
done
if [[ $health != healthy ]]; then
  "$engine" logs "$container" >&2
  echo "test-image: $image is not healthy (health: $health, running: $running)" >&2
  exit 1
fi

# SIGTERM has to end it in order: exit code 0, not 143 or 137.
"$engine" stop --time 30 "$container" >/dev/null
code=$("$engine" inspect --format '{{.State.ExitCode}}' "$container")
if [[ $code != 0 ]]; then
  "$engine" logs "$container" >&2
  echo "test-image: $image stopped with exit code $code" >&2
  exit 1
fi
echo "test-image: $image starts, serves and stops"
