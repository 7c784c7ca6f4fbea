#!/usr/bin/env bash
# Runs the blocks of a page that are marked as SQL, one after another, in a database in memory.
#
#   tests/structure/manual_examples.sh GRANARY PAGE
set -euo pipefail

statements="$(awk '/^```sql$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$2")"
[[ -n "$statements" ]] || { echo "$2 has no SQL blocks" >&2; exit 1; }
"$1" --queries-file <(printf '%s\n' "$statements")
