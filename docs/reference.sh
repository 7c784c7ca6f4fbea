#!/usr/bin/env bash
# Writes docs/reference.md from what the code knows: the tables of `system`, read through the runner.
#
#   docs/reference.sh [GRANARY]           writes the page (GRANARY: build/release/bin/granary unless said)
#   docs/reference.sh --check [GRANARY]   fails, and shows how they differ, if the page is another one
set -euo pipefail
cd "$(dirname "$0")/.."

check=""
if [[ "${1-}" == --check ]]; then
  check=1
  shift
fi
granary="${1-build/release/bin/granary}"

# The first column of the result, a line for each row.
lines() { "$granary" --format TabSeparated -q "$1" | sed -e "s/\\\\'/'/g" -e 's/\\\\/\\/g'; }

settings() {
  echo "| setting | type | default | |"
  echo "|---|---|---|---|"
  lines "SELECT concat('| \`', name, '\` | ', type, ' | ', if(default = '', '''''', default), ' | ', description, ' |')
    FROM system.$1 ORDER BY name"
}

functions_of() {
  printf '\n### %s\n\n| function | arguments | also called |\n|---|---|---|\n' "${1^}"
  lines "SELECT concat('| \`', function, '\`', if(any_case > 0, ', in any case', ''), ' | ', count_text, ' | ',
      if(empty(also), '', concat('\`', arrayStringConcat(also, '\`, \`'), '\`')), ' |')
    FROM (
      SELECT if(alias_to = '', name, alias_to) AS function, max(arguments) AS count_text,
        maxIf(case_insensitive, alias_to = '') AS any_case, arraySort(groupArrayIf(name, alias_to != '')) AS also
      FROM system.functions WHERE NOT is_aggregate AND categories = '$1'
      GROUP BY if(alias_to = '', name, alias_to))
    ORDER BY function"
}

page() {
  cat <<'TEXT'
# Reference

docs/reference.sh writes this page from what the code knows, and a test compares the two. Each list is a table of
`system`, too. What things are for is in [sql.md](sql.md), [vector-search.md](vector-search.md) and
[operations.md](operations.md).

## Functions

Names are case-sensitive but for those marked. The functions behave as ClickHouse's of the same name.
TEXT
  lines "SELECT DISTINCT categories FROM system.functions WHERE NOT is_aggregate ORDER BY categories" |
    while read -r family; do functions_of "$family" </dev/null; done
  printf '\n## Aggregate functions\n\n'
  echo "Each takes the combinators -If (a condition as the last argument) and -Distinct. Names in lower case are known in any case."
  echo
  lines "SELECT concat('* \`', name, '\`') FROM system.functions WHERE is_aggregate ORDER BY name"
  printf '\n## Settings of statements\n\n'
  settings settings
  printf '\n## Settings of tables\n\n'
  settings merge_tree_settings
  printf '\n## Formats\n\n| format | input | output |\n|---|---|---|\n'
  lines "SELECT concat('| \`', name, '\` | ', if(is_input, 'yes', ''), ' | ', if(is_output, 'yes', ''), ' |')
    FROM system.formats ORDER BY name"
  printf '\n`NDJSON` is JSONEachRow, `TSV` is TabSeparated, `TSVWithNames` is TabSeparatedWithNames. Names are known in any case.\n'
  printf '\n## Tables of system\n\n| table | columns |\n|---|---|\n'
  lines "SELECT name FROM system.tables WHERE database = 'system' ORDER BY name" | while read -r table; do
    columns="$("$granary" --format TabSeparated -q "DESCRIBE TABLE system.$table" </dev/null | awk -F'\t' \
      '{ printf "%s`%s` %s", (NR > 1 ? ", " : ""), $1, $2 }')"
    echo "| \`$table\` | $columns |"
  done
  printf '\n## Error codes\n\n'
  echo "Codes and names are ClickHouse's wherever it has one for the case; those from 10,000 on are Granary's."
  printf '\n| code | name |\n|---|---|\n'
  lines "SELECT concat('| ', toString(code), ' | ', name, ' |') FROM system.errors ORDER BY code"
}

if [[ -n "$check" ]]; then
  page | diff -u docs/reference.md - || {
    echo "docs/reference.md is not what the code says; run docs/reference.sh $granary" >&2
    exit 1
  }
else
  text="$(page)"
  printf '%s\n' "$text" >docs/reference.md
fi
