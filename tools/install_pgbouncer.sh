#!/usr/bin/env bash
# Puts PgBouncer, behind which the tests of data_api run the service, into a folder.
#
#   tools/install_pgbouncer.sh FOLDER
#
# It is in no Python or npm registry. On Debian and Ubuntu it is unpacked from its package, without
# installing that, with those of its libraries that the machine lacks beside it; elsewhere one on
# PATH is used.
set -euo pipefail
folder=${1:?usage: tools/install_pgbouncer.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

if [[ -x $folder/pgbouncer ]]; then
  exit
fi
if found=$(PATH=$PATH:/usr/sbin command -v pgbouncer); then
  ln -sf "$found" "$folder/pgbouncer"
  exit
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
  echo "error: pgbouncer is missing; install it (for example: brew install pgbouncer)" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
apt-get download --quiet pgbouncer 2>/dev/null || {
  # A fresh machine has no package lists yet, and only root may fetch them.
  [[ $EUID == 0 ]] || { echo "error: no package lists; run: sudo apt-get update" >&2; exit 1; }
  apt-get update --quiet
  apt-get download --quiet pgbouncer
} >&2
mapfile -t libraries < <(dpkg-deb --field pgbouncer_*.deb Depends | tr ',' '\n' \
  | sed -E 's/^ *([^ (]+).*/\1/' | grep '^lib')
for library in "${libraries[@]}"; do
  [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$library" 2>/dev/null) == installed ]] \
    || apt-get download --quiet "$library" >&2 2>/dev/null
done
for package in *.deb; do
  dpkg -x "$package" unpacked
done
rm -rf "$folder/pgbouncer.lib"
mkdir "$folder/pgbouncer.lib"
install -m 755 unpacked/usr/sbin/pgbouncer "$folder/pgbouncer.lib/pgbouncer"
find unpacked -name 'lib*.so.*' -exec cp -P {} "$folder/pgbouncer.lib/" \;
cat >"$folder/pgbouncer.new" <<'EOS'
#!/bin/sh
own=$(dirname "$(readlink -f "$0")")/pgbouncer.lib
LD_LIBRARY_PATH=$own${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$own/pgbouncer" "$@"
EOS
chmod 755 "$folder/pgbouncer.new"
mv "$folder/pgbouncer.new" "$folder/pgbouncer"
