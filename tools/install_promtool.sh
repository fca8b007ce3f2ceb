#!/usr/bin/env bash
# Puts promtool, which checks and tests the generated alert rules, into a folder.
#
#   tools/install_promtool.sh FOLDER
#
# It is in no Python or npm registry. On Debian and Ubuntu it is unpacked from the package
# `prometheus`, without installing that; elsewhere one on PATH is used.
set -euo pipefail
folder=${1:?usage: tools/install_promtool.sh FOLDER}
mkdir -p "$folder"

if found=$(command -v promtool); then
  [[ $found -ef $folder/promtool ]] || ln -sf "$found" "$folder/promtool"
  exit
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo "error: promtool is missing; install Prometheus (for example: brew install prometheus)" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get download --quiet prometheus 2>/dev/null || {
  # A fresh machine has no package lists yet, and only root may fetch them.
  [[ $EUID == 0 ]] || { echo "error: no package lists; run: sudo apt-get update" >&2; exit 1; }
  apt-get update --quiet
  apt-get download --quiet prometheus
} >&2
dpkg -x prometheus_*.deb unpacked
cd - >/dev/null
install -m 755 "$work/unpacked/usr/bin/promtool" "$folder/promtool"
