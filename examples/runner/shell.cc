#include "granary/examples/runner/shell.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include <fmt/format.h>

#include "granary/examples/runner/line_editor.h"
#include "granary/examples/runner/statement_end.h"
#include "granary/query/sql/parser.h"
#include "granary/table/error.h"

namespace granary::runner {
namespace {

constexpr char kPrompt[] = "granary :) ";
constexpr char kNextLinePrompt[] = "        -> ";

constexpr const char* kKeywords[] = {"ADD",        "ALTER",
                                     "AND",        "ARRAY",
                                     "AS",         "ASC",
                                     "BETWEEN",    "BY",
                                     "CASE",       "CAST",
                                     "CHECK",      "CLEAR",
                                     "COLUMN",     "CONSTRAINT",
                                     "COUNT",      "CREATE",
                                     "DATABASE",   "DEFAULT",
                                     "DELETE",     "DESC",
                                     "DESCRIBE",   "DISTINCT",
                                     "DROP",       "ELSE",
                                     "END",        "ENGINE",
                                     "EXISTS",     "EXPLAIN",
                                     "FINAL",      "FORMAT",
                                     "FROM",       "GRANULARITY",
                                     "GROUP",      "HAVING",
                                     "IF",         "ILIKE",
                                     "IN",         "INDEX",
                                     "INSERT",     "INTO",
                                     "KILL",       "LIKE",
                                     "LIMIT",      "MATERIALIZE",
                                     "MERGES",     "MergeTree",
                                     "NOT",        "NULL",
                                     "OFFSET",     "OPTIMIZE",
                                     "OR",         "ORDER",
                                     "OUTFILE",    "PARTITION",
                                     "PREWHERE",   "PRIMARY",
                                     "QUERY",      "RENAME",
                                     "SELECT",     "SET",
                                     "SETTINGS",   "SHOW",
                                     "START",      "STOP",
                                     "SYSTEM",     "TABLE",
                                     "TABLES",     "THEN",
                                     "TIES",       "TRUNCATE",
                                     "TYPE",       "UPDATE",
                                     "VALUES",     "WAIT",
                                     "WHEN",       "WHERE",
                                     "WITH",       "cosineDistance",
                                     "dotProduct", "hnsw",
                                     "L2Distance", "vector_similarity"};

std::string HistoryFile() {
  if (const char* file = std::getenv("GRANARY_HISTORY_FILE")) return file;
  const char* home = std::getenv("HOME");
  return home == nullptr ? "" : std::string(home) + "/.granary_history";
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

bool IsLeaving(std::string_view text) {
  text = Trimmed(text);
  if (text.ends_with(';')) text = Trimmed(text.substr(0, text.size() - 1));
  return text == "exit" || text == "quit" || text == "\\q";
}

std::string Summary(const Outcome& outcome) {
  const StatementProgress& progress = outcome.progress;
  const double seconds = std::max(progress.elapsed_seconds, 1e-6);
  std::string text = outcome.has_rows ? "" : "Ok.\n\n";
  text +=
      fmt::format("{} row{} {}. Elapsed: {:.3f} sec.", outcome.rows, outcome.rows == 1 ? "" : "s",
                  outcome.has_rows ? "in set" : "written", progress.elapsed_seconds);
  if (progress.rows_done > 0) {
    const auto rows = static_cast<double>(progress.rows_done);
    const auto bytes = static_cast<double>(progress.bytes_done);
    text += fmt::format(" Processed {} rows, {} ({} rows/s., {}/s.)", ReadableCount(rows),
                        ReadableBytes(bytes), ReadableCount(rows / seconds),
                        ReadableBytes(bytes / seconds));
  }
  return text + "\n";
}

}  // namespace

std::vector<std::string> Shell::CompletionWords() {
  std::vector<std::string> words(std::begin(kKeywords), std::end(kKeywords));
  for (const char* query : {"SELECT name FROM system.tables", "SELECT name FROM system.columns"}) {
    try {
      const Block names = runner_.session().Execute(query).ReadAll();
      for (size_t row = 0; row < names.rows(); ++row) {
        words.push_back(names.column(0)->ValueAt(row).as_string());
      }
    } catch (const Error&) {
      continue;  // no completion of what cannot be listed
    }
  }
  return words;
}

void Shell::Run() {
  LineEditor editor(HistoryFile(), [this] { return CompletionWords(); });
  std::printf("Granary %s. Statements end with ';'. Leave with exit or Ctrl-D.\n\n",
              GRANARY_VERSION);
  std::string text;
  std::string line;
  while (true) {
    const auto ending = editor.Read(text.empty() ? kPrompt : kNextLinePrompt, line);
    if (ending == LineEditor::Ending::kEndOfInput) break;
    if (ending == LineEditor::Ending::kInterrupted) {
      text.clear();
      continue;
    }
    if (text.empty() && IsLeaving(line)) return;
    if (text.empty() && Trimmed(line).empty()) continue;
    text += (text.empty() ? "" : "\n") + line;
    if (!EndsStatement(text)) continue;
    editor.AddToHistory(text);
    RunText(text);
    text.clear();
  }
  std::printf("\n");
}

void Shell::RunText(const std::string& text) {
  std::string_view statements = Trimmed(text);
  const bool is_vertical = statements.ends_with("\\G");
  if (is_vertical) statements.remove_suffix(2);
  const std::string format = is_vertical ? "Vertical" : runner_.default_format();
  try {
    for (size_t offset = 0;;) {
      const sql::ParsedStatement parsed = sql::ParseNextStatement(statements, offset);
      if (parsed.statement == nullptr) return;
      const Outcome outcome = runner_.RunStatement(statements.substr(offset, parsed.next - offset),
                                                   *parsed.statement, format);
      std::printf("\n%s\n", Summary(outcome).c_str());
      std::fflush(stdout);
      offset = parsed.next;
    }
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s\n\n", error.what());
  }
}

}  // namespace granary::runner
