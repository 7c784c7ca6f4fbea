// Registers a skip index of one's own (first_byte_index.h), declares it on a table, and shows which
// granules it excludes.
#include <cstdio>

#include "granary/examples/first_byte_index.h"

using granary::Block;
using granary::Database;
using granary::DatabaseOptions;

int main() try {
  DatabaseOptions options;
  options.skip_indexes.Register(std::make_shared<granary::example::FirstByteKind>());
  auto database = Database::Open(std::move(options));
  database->Execute(
      "CREATE TABLE words (word String, INDEX letters word TYPE first_byte GRANULARITY 1) "
      "ENGINE = MergeTree ORDER BY tuple() SETTINGS index_granularity = 2");
  database->Execute(
      "INSERT INTO words VALUES ('zebra'), ('zoo'), ('apple'), ('ant'), ('zinc'), ('tree')");
  for (const char* sql : {"SELECT word FROM words WHERE word = 'apple'",
                          "EXPLAIN indexes = 1 SELECT word FROM words WHERE word = 'apple'"}) {
    const Block rows = database->Execute(sql).ReadAll();
    for (size_t row = 0; row < rows.rows(); ++row) {
      std::printf("%s\n", rows.column(0)->ValueAt(row).as_string().c_str());
    }
  }
} catch (const granary::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
