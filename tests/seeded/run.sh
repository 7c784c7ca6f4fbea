#!/usr/bin/env bash
# Puts each seeded bug into a copy of the tree and says whether the test that it names catches it.
#
#   tests/seeded/run.sh [name...]   all, or those whose names begin so; exits 1 if one is not caught
#   tests/seeded/run.sh --check     only whether every patch still fits the tree
#
# A bug is a patch with two lines before it: what is wrong, and "Caught by: test[:test...]", where a
# test is a test program with its arguments. The copy is built in build/seeded.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ "${1-}" = --check ]; then
  stale=0
  for patch in "$root"/tests/seeded/*.patch; do
    patch --dry-run -s -d "$root" -p1 <"$patch" || { echo "STALE $patch"; stale=1; }
  done
  exit $stale
fi
"$root/cmake/dependencies.sh" build tests || exit 2
copy=$root/build/seeded
mkdir -p "$copy/tree"
# Times are kept, so that only what changed is compiled again.
(cd "$root" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T -) |
  tar -x -C "$copy/tree" || exit 2
cmake -S "$copy/tree" -B "$copy/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DGRANARY_BUILD_TESTS=ON >"$copy/configure.log" || exit 2
missed=0
caught=0
# True if one of the tests fails, crashes or hangs.
catches() {
  local test
  while IFS= read -r test; do
    cmake --build "$copy/build" --target "${test%% *}" >"$copy/build.log" 2>&1 ||
      { echo "does not build: see $copy/build.log"; return 1; }
    # shellcheck disable=SC2086
    (cd "$copy/build" && GRANARY_KILLS=5 timeout 300 bin/$test >"$copy/test.log" 2>&1) || return 0
  done
  return 1
}
for patch in "$root"/tests/seeded/*.patch; do
  name=$(basename "$patch" .patch)
  if [ $# -gt 0 ]; then
    wanted=0
    for prefix in "$@"; do case "$name" in "$prefix"*) wanted=1 ;; esac; done
    [ $wanted = 1 ] || continue
  fi
  patch -s -d "$copy/tree" -p1 <"$patch" || { echo "STALE $name"; missed=1; continue; }
  tests=$(sed -n 's/^Caught by: //p' "$patch")
  if printf '%s\n' "$tests" | sed 's/:\([a-z]*_test\)/\n\1/g' | catches; then
    echo "caught $name: $(head -n 1 "$patch")"
    caught=$((caught + 1))
  else
    echo "MISSED $name: $(head -n 1 "$patch")"
    missed=1
  fi
  patch -s -R -d "$copy/tree" -p1 <"$patch" || exit 2
done
echo "$caught caught"
exit $missed
