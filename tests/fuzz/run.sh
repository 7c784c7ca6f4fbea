#!/usr/bin/env bash
# Looks for inputs that break what they are given to, with libFuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer (Clang). Installs what is missing and builds into build/fuzz.
#
#   tests/fuzz/run.sh [SECONDS [TARGET...]]     30 seconds for each of all targets
#
# FUZZ_JOBS targets run at once (one per core unless told). What finds new ways through the code is
# kept in build/fuzz/corpora/<target> and is where the next run begins; what breaks something is kept
# in build/fuzz/crashes, and the script fails. To see one again:
#
#   build/fuzz/bin/granary_fuzz --target=TARGET build/fuzz/crashes/FILE
#
# A find that has been mended goes to tests/fuzz/corpus/<target>, which every build replays.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds="${1:-30}"
shift || true
jobs="${FUZZ_JOBS:-$(nproc)}"

cmake/dependencies.sh build fuzz
cmake --preset fuzz
cmake --build --preset fuzz
fuzz=build/fuzz/bin/granary_fuzz
crashes=build/fuzz/crashes
logs=build/fuzz/logs
mkdir -p "$crashes" "$logs"
if [[ $# -gt 0 ]]; then targets=("$@"); else mapfile -t targets < <("$fuzz" --targets); fi

export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

run_target() {
  local target="$1" seconds="$2"
  mkdir -p "build/fuzz/corpora/$target"
  if build/fuzz/bin/granary_fuzz "--target=$target" -max_total_time="$seconds" -timeout=30 \
      -rss_limit_mb=4096 -use_value_profile=1 -print_final_stats=1 \
      -artifact_prefix="build/fuzz/crashes/$target-" \
      "build/fuzz/corpora/$target" "tests/fuzz/corpus/$target" >"build/fuzz/logs/$target" 2>&1; then
    awk -v target="$target" '/stat::number_of_executed_units/ { runs = $2 }
      / cov: / { covered = $0; sub(/.* cov: /, "", covered); sub(/ .*/, "", covered) }
      END { printf "%-20s %9d inputs, %6d edges\n", target, runs, covered }' "build/fuzz/logs/$target"
  else
    grep -a -E '==find==|ERROR: |runtime error:|SUMMARY|Test unit written' "build/fuzz/logs/$target" |
      sed "s/^/$target: /"
    return 1
  fi
}
export -f run_target

printf '%s\n' "${targets[@]}" |
  xargs -P "$jobs" -I '{}' bash -c 'run_target "$1" "$2"' _ '{}' "$seconds" && status=0 || status=1
if [[ $status -ne 0 ]]; then
  echo "Found something; the inputs are in $crashes, the reports in $logs" >&2
fi
exit "$status"
