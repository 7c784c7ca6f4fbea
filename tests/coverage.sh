#!/usr/bin/env bash
# Measures which lines of the lower layers the tests run. Installs what is missing and builds into
# build/coverage.
#
#   tests/coverage.sh [LABELS]    a ctest expression; all tests of the engine unless told
#
# Prints lines run and lines there are for each layer, and writes the lines that never ran to
# build/coverage/report/index.html.
set -euo pipefail
cd "$(dirname "$0")/.."

labels="${1:-^(table|skipindex|parts|merge|query|sql|memory|recall|stress|crash|damage|faults|fuzz)$}"

cmake/dependencies.sh build tests coverage
cmake --preset coverage
cmake --build --preset coverage
find build/coverage -name '*.gcda' -delete
# Also where a test fails: what ran, ran.
ctest --preset coverage -L "$labels" || echo "Some tests failed; the figures count what ran." >&2

# Data of processes that were killed is written in part or not at all.
gcovr=(gcovr --root . --gcov-ignore-parse-errors --exclude-unreachable-branches -j "$(nproc)"
  --object-directory build/coverage build/coverage)
mkdir -p build/coverage/report
"${gcovr[@]}" --json build/coverage/report/coverage.json
for layer in table skipindex parts merge query; do
  gcovr --root . --add-tracefile build/coverage/report/coverage.json --filter "$layer/" \
    --print-summary --output /dev/null | sed -n "s/^lines:/$layer:/p"
done
gcovr --root . --add-tracefile build/coverage/report/coverage.json --filter 'table/' \
  --filter 'skipindex/' --filter 'parts/' --filter 'merge/' --filter 'query/' \
  --html-details build/coverage/report/index.html
