#!/usr/bin/env bash
# From a fresh Debian 12 to a searched table: installs what is missing, builds Granary into
# build/release and runs it on 25,000 English words with their GloVe vectors (examples/data).
#
#   examples/quickstart.sh
#
# The table stays in build/quickstart/db; every statement shown can be repeated with
#   build/release/bin/granary --path build/quickstart/db -q "..."
set -euo pipefail
cd "$(dirname "$0")/.."

cmake/dependencies.sh build
cmake --preset release
cmake --build --preset release

granary=build/release/bin/granary
work=build/quickstart
db="$work/db"
rm -rf "$work"
mkdir -p "$work"

title() { printf '\n=== %s\n' "$*"; }

# Prints each statement and its result as a table.
show() {
  for statement in "$@"; do
    printf '%s\n' "$statement"
    "$granary" --path "$db" --format PrettyCompact -q "$statement"
  done
}

title "A table with two indexes over one vector column"
show "CREATE TABLE words
(
    word String,
    rank UInt32,
    length UInt8,
    first_letter String,
    v Array(Float32),
    INDEX v_cosine v TYPE vector_similarity('hnsw', 'cosineDistance', 100),
    INDEX v_l2 v TYPE vector_similarity('hnsw', 'L2Distance', 100)
)
ENGINE = MergeTree ORDER BY rank"

title "Ten INSERTs; every 125th word is held out"
"$granary" -q "SELECT * FROM file('examples/data/words.fvecs') FORMAT TabSeparated" |
  paste examples/data/words.tsv - |
  awk -v held_out="$work/held_out.tsv" 'NR % 125 == 0 { print > held_out; next } { print }' |
  split --lines=2480 --numeric-suffixes --additional-suffix=.tsv - "$work/rows."
for rows in "$work"/rows.*.tsv; do
  echo "INSERT INTO words FORMAT TabSeparated < $rows ($(wc -l <"$rows") words)"
  "$granary" --path "$db" -q "INSERT INTO words FORMAT TabSeparated" <"$rows"
done

title "The parts before and after the background merges"
parts="SELECT name, rows, level, bytes_on_disk FROM system.parts WHERE table = 'words' AND active ORDER BY name"
show "$parts" "SYSTEM WAIT MERGES words" "$parts"

# The nearest to a word, by a distance function, among the words that satisfy a condition.
nearest() {
  local word="$1" distance="$2" condition="$3"
  echo "WITH (SELECT v FROM words WHERE word = '$word') AS q
SELECT word, rank, round($distance(v, q), 4) AS distance
FROM words
WHERE $condition
ORDER BY $distance(v, q)
LIMIT 5"
}

for word in river quantum jazz; do
  title "Nearest to '$word' by cosine, then by L2"
  show "$(nearest "$word" cosineDistance "word != '$word'")" \
    "$(nearest "$word" L2Distance "word != '$word'")"
done

title "The same with filters: always as many rows as asked for, if there are as many"
show "$(nearest river cosineDistance "first_letter = 'm' AND length < 8")" \
  "$(nearest river L2Distance "rank > 20000")" \
  "$(nearest jazz cosineDistance "word LIKE '%ing'")"

title "Aggregates over ordinary columns"
show "SELECT first_letter, count() AS words, round(avg(length), 2) AS mean_length, max(length) AS longest,
    min(rank) AS best_rank
FROM words GROUP BY first_letter HAVING words > 1500 ORDER BY words DESC" \
  "SELECT length, count() AS words, quantile(0.5)(rank) AS median_rank
FROM words GROUP BY length ORDER BY length LIMIT 8"

title "Which index a search uses, and why it uses none"
explained() { echo "EXPLAIN indexes = 1
WITH (SELECT v FROM words WHERE word = 'river') AS q
SELECT word FROM words ORDER BY $1 LIMIT 10${2-}"; }
show "$(explained "cosineDistance(v, q)" " SETTINGS vector_search_method = 'graph'")" \
  "$(explained "cosineDistance(v, q)")" "$(explained "dotProduct(v, q) DESC")" \
  "$(explained "cosineDistance(v, q) DESC")"

title "Recall and time of 200 searches for words that were held out"
awk -F'\t' '{ printf "SELECT %d AS query, word FROM words ORDER BY cosineDistance(v, %s) LIMIT 10;\n",
              NR, $5 }' "$work/held_out.tsv" >"$work/searches.sql"
# Runs all searches with the given settings; leaves the rows in NAME.tsv, prints milliseconds each.
search() {
  local name="$1" begin end
  shift
  begin="$(date +%s%N)"
  "$granary" --path "$db" --queries-file "$work/searches.sql" --format TabSeparated "$@" \
    >"$work/$name.tsv"
  end="$(date +%s%N)"
  awk "BEGIN { printf \"%.2f\", ($end - $begin) / 1e6 / $(wc -l <"$work/held_out.tsv") }"
}
graph_ms="$(search graph --vector_search_method=graph)"
exact_ms="$(search exact --query_plan_try_use_vector_search=0)"
found="$(sort "$work/graph.tsv" "$work/exact.tsv" | uniq -d | wc -l)"
wanted="$(wc -l <"$work/exact.tsv")"
echo "recall@10 against the exact scan: $(awk "BEGIN { print $found / $wanted }") ($found of $wanted rows)"
echo "time of a search, with the runner's start and the parsing of 100 numbers: $graph_ms ms by graph," \
  "$exact_ms ms by exact scan"
