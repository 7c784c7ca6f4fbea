// The `.test` files of this folder: SQL statements and what is expected of them.
//
// A file is a sequence of entries separated by blank lines; lines that start with # are comments.
// The first line of an entry is its verb, then comes a statement, then for some verbs a line ----
// and what is expected:
//
//   ok                           the statement succeeds
//   error CODE_NAME [fragment]   it fails with this code and a message that contains the fragment
//   rows                         it returns exactly these rows, in TabSeparated form
//   explain-contains             its EXPLAIN indexes = 1 contains each of these lines as a
//                                fragment, and none of those written behind a '!'
//   explain-contains with-graphs the same, asked only where graphs are forced
//   recall-at-least 0.9          of the rows that an exact run returns, it returns this share
//   restart                      (no statement) the database is closed and opened again
//   crash-at every               the statement is stopped after every file operation and the power
//                                is cut, un-synced data kept, lost or torn; then the query behind
//                                ---- must give what it gave before or what it gives after
#pragma once

#include <string>
#include <vector>

namespace granary {

struct SqlEntry {
  int line = 0;  // of the verb
  std::string verb;
  std::string argument;   // the rest of the verb's line
  std::string statement;  // without a trailing newline
  std::vector<std::string> expected;
};

// Throws std::runtime_error that names file and line if the file cannot be read or understood.
std::vector<SqlEntry> ReadSqlScript(const std::string& path);

}  // namespace granary
