#!/usr/bin/env bash
# Compiles the distance kernels and their tests for AArch64 and runs them under emulation.
#
# Needs the Debian packages g++-aarch64-linux-gnu, qemu-user-static, googletest and libfmt-dev.
# Everything it makes lies in build/neon.
set -euo pipefail
cd "$(dirname "$0")/.."

for command in aarch64-linux-gnu-g++ qemu-aarch64-static; do
  command -v "$command" >/dev/null || { echo "$0: $command is missing" >&2; exit 1; }
done
googletest=/usr/src/googletest

build=build/neon
mkdir -p "$build/include"
ln -sfn "$PWD" "$build/include/granary"
ln -sfn /usr/include/fmt "$build/include/fmt" # headers only, so that no library is needed

flags=(-std=c++20 -O2 -ffp-contract=off -static -DFMT_HEADER_ONLY -I "$build/include")
for part in googletest googlemock; do
  flags+=(-isystem "$googletest/$part/include" -I "$googletest/$part")
done
aarch64-linux-gnu-g++ "${flags[@]}" \
  skipindex/distance/*.cc table/error.cc table/types.cc tests/skipindex/distance_test.cc \
  "$googletest"/googletest/src/gtest-all.cc "$googletest"/googlemock/src/gmock-all.cc \
  "$googletest"/googlemock/src/gmock_main.cc -o "$build/distance_test"
qemu-aarch64-static "$build/distance_test" "$@"
