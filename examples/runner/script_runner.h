// Runs texts of statements, one after the other: rows to standard output in the format asked for,
// warnings, times and progress to standard error.
#pragma once

#include <string>
#include <string_view>

#include "granary/examples/runner/options.h"
#include "granary/examples/runner/progress_bar.h"
#include "granary/examples/runner/standard_streams.h"
#include "granary/query/database.h"
#include "granary/query/sql/ast.h"

namespace granary::runner {

// What became of one statement, for the line that the shell prints below it.
struct Outcome {
  bool has_rows = false;
  uint64_t rows = 0;  // shown, or written by an INSERT
  StatementProgress progress;
};

class ScriptRunner {
 public:
  // All references outlive the runner. Data of `INSERT ... FORMAT x` without data in its text is
  // read from `input`, unless that is null.
  ScriptRunner(Database& database, const Options& options, InputStream* input);

  // Throws what the first statement that fails throws; the rest is not run then.
  void RunScript(std::string_view text);
  // The first statement of the text. `format` is for results of statements without FORMAT.
  Outcome RunStatement(std::string_view text, const sql::Statement& statement,
                       const std::string& format);

  Session& session() { return session_; }
  const std::string& default_format() const { return default_format_; }

 private:
  bool ReadsInput(const sql::Statement& statement) const;
  double InputFraction() const;
  void PrintRows(Result& result, const std::string& format, Outcome& outcome);
  void Finish(const Result& result, Outcome& outcome);

  Session session_;
  const Options& options_;
  InputStream* input_;
  const std::string default_format_;
  ProgressBar progress_bar_;
};

}  // namespace granary::runner
