#!/usr/bin/env bash
# Installs what is missing, builds the tests and runs them all.
#
#   tests/run.sh                Release, in build/tests
#   tests/run.sh --sanitizers   AddressSanitizer with UndefinedBehaviorSanitizer in build/asan, then
#                               ThreadSanitizer in build/tsan; unit, SQL and stress tests
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1-}" in
  "") presets=(tests) ;;
  --sanitizers) presets=(asan tsan) ;;
  *) echo "usage: tests/run.sh [--sanitizers]" >&2; exit 2 ;;
esac

cmake/dependencies.sh build tests
for preset in "${presets[@]}"; do
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  ctest --preset "$preset"
done
