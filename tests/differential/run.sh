#!/usr/bin/env bash
# Runs generated statements in Granary and in ClickHouse 26.7, side by side, and prints where they
# differ, but for what differences.txt lists. The seed is printed; with it the run can be repeated.
#
#   tests/differential/run.sh [statements | SECONDSs] [seed]     10000 statements unless told; 600s: ten minutes
#   tests/differential/run.sh record [seed]                      writes recorded.txt anew
#
# ClickHouse comes from npm (a library of 400 MB, below build/) and runs in the same process.
set -euo pipefail
cd "$(dirname "$0")/../.."

recording=tests/differential/recorded.txt
case "${1-10000}" in
  record) amount=(--statements 6500 --record "$PWD/$recording.new") ;;
  *[!0-9s]* | "") sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  *s) amount=(--seconds "${1%s}") ;;
  *) amount=(--statements "${1-10000}") ;;
esac
seed=()
if [[ $# -ge 2 ]]; then seed=(--seed "$2"); fi

cmake/dependencies.sh build tests data
peer="$PWD/build/differential"
library="$peer/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"
if [[ ! -e "$library" ]]; then
  npm install --silent --prefix "$peer" chdb @chdb/lib-linux-x64-gnu@26.7.3-stable.1
fi
cmake --preset tests >/dev/null
cmake --build --preset tests --target differential
program="$PWD/build/tests/bin/differential"

# Where it works there are scratch directories, and a core if it crashes.
cd "$peer"
status=0
TZ=UTC "$program" "$library" "${amount[@]}" "${seed[@]}" || status=$?
if [[ "${1-}" == record && $status -eq 0 ]]; then
  mv "$OLDPWD/$recording.new" "$OLDPWD/$recording"
fi
exit $status
