#include "granary/examples/runner/script_runner.h"

#include <cstdio>

#include <unistd.h>

#include "granary/examples/runner/interrupt.h"
#include "granary/query/formats/output_format.h"
#include "granary/query/sql/parser.h"

namespace granary::runner {

ScriptRunner::ScriptRunner(Database& database, const Options& options, InputStream* input)
    : session_(&database),
      options_(options),
      input_(input),
      default_format_(
          options.format.value_or(isatty(STDOUT_FILENO) != 0 ? "PrettyCompact" : "TabSeparated")) {
  for (const auto& [name, text] : options.parameters) session_.SetParameter(name, text);
}

void ScriptRunner::RunScript(std::string_view text) {
  for (size_t offset = 0;;) {
    const sql::ParsedStatement parsed = sql::ParseNextStatement(text, offset);
    if (parsed.statement == nullptr) return;
    RunStatement(text.substr(offset, parsed.next - offset), *parsed.statement, default_format_);
    offset = parsed.next;
  }
}

Outcome ScriptRunner::RunStatement(std::string_view text, const sql::Statement& statement,
                                   const std::string& format) {
  const auto cancel = std::make_shared<CancelToken>();
  const InterruptScope interrupt(*cancel);
  ExecuteOptions execute{.cancel = cancel};
  const bool reads_input = ReadsInput(statement);
  if (reads_input) {
    execute.input = [&](std::span<char> buffer) { return input_->Read(buffer, *cancel); };
  }
  execute.on_progress = [this](const StatementProgress& p) { progress_bar_.Update(p); };
  progress_bar_.Begin([this, reads_input] { return reads_input ? InputFraction() : 0.0; });
  Outcome outcome;
  try {
    Result result = session_.Execute(text, execute);
    outcome.has_rows = !result.columns().empty();
    if (outcome.has_rows) PrintRows(result, result.format().value_or(format), outcome);
    Finish(result, outcome);
  } catch (...) {
    progress_bar_.End();
    throw;
  }
  return outcome;
}

bool ScriptRunner::ReadsInput(const sql::Statement& statement) const {
  const auto* insert = sql::As<sql::InsertStatement>(statement);
  if (input_ == nullptr || insert == nullptr || !insert->data) return false;
  return insert->data->begin == insert->data->end;
}

double ScriptRunner::InputFraction() const {
  if (input_->bytes_total() == 0) return 0;
  return static_cast<double>(input_->bytes_read()) / static_cast<double>(input_->bytes_total());
}

void ScriptRunner::PrintRows(Result& result, const std::string& format, Outcome& outcome) {
  OutputSink sink([this] { progress_bar_.Clear(); });
  const auto output = OutputFormat::Create(format, result.columns(), sink, result.settings());
  while (std::optional<Block> block = result.Next()) {
    outcome.rows += block->rows();
    output->WriteBlock(*block);
  }
  progress_bar_.End();
  output->Finish();
}

void ScriptRunner::Finish(const Result& result, Outcome& outcome) {
  progress_bar_.End();
  for (const std::string& warning : result.warnings()) {
    std::fprintf(stderr, "Warning: %s\n", warning.c_str());
  }
  outcome.progress = result.progress();
  if (!outcome.has_rows) outcome.rows = result.rows_written();
  if (options_.print_time) std::fprintf(stderr, "%.3f\n", outcome.progress.elapsed_seconds);
}

}  // namespace granary::runner
