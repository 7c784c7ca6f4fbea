#!/usr/bin/env bash
# The Debian 12 packages Granary needs, in one place, and their installation where they are missing.
#
#   cmake/dependencies.sh GROUP...     groups: build, tests, fuzz, coverage, bench, data
#
# Installs through apt as root or through sudo. Where it can do neither, it names what is missing
# and exits 1. An entry "package=command" is there if the command is, whoever installed it.
set -euo pipefail

build="g++=g++ cmake=cmake ninja-build=ninja pkg-config=pkg-config re2c=re2c
  libboost-container-dev libcuckoo-dev liblz4-dev libxxhash-dev libfmt-dev libsimdjson-dev
  libcli11-dev libedit-dev"
fuzz="clang-14=clang++-14 libclang-rt-14-dev"
coverage="gcovr=gcovr"
tests="libgtest-dev libgmock-dev python3=python3 patch=patch"
bench="libbenchmark-dev libhnswlib-dev libfaiss-dev"
data="nodejs=node npm=npm ca-certificates"

is_installed() {
  local package="${1%%=*}"
  if [[ "$1" == *=* ]]; then
    command -v "${1#*=}" >/dev/null
  else
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]]
  fi
}

missing=()
for group in "$@"; do
  case "$group" in
    build | tests | fuzz | coverage | bench | data) entries="${!group}" ;;
    *) echo "$0: unknown group '$group'; there are build, tests, fuzz, coverage, bench and data" >&2; exit 2 ;;
  esac
  for entry in $entries; do
    is_installed "$entry" || missing+=("${entry%%=*}")
  done
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $EUID -ne 0 ]]; then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
  echo "These packages are missing and cannot be installed from here: ${missing[*]}" >&2
  echo "Install them (as root: apt-get install ${missing[*]}) and run this again." >&2
  exit 1
fi
echo "Installing ${missing[*]}"
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
  apt-get install -y -q --no-install-recommends "${missing[@]}")
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q && "${install[@]}"; } </dev/null >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt could not install ${missing[*]}" >&2
  exit 1
fi
