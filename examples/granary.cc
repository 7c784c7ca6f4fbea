// The runner: SQL from the command line, from files, from standard input or from a terminal, on a
// directory or in memory. `granary --help` says how.
//
// runner/options reads the command line, runner/script_runner executes statements and prints rows,
// runner/shell is the interactive part.
#include <cstdio>
#include <filesystem>
#include <new>
#include <optional>

#include <unistd.h>

#include "granary/examples/runner/interrupt.h"
#include "granary/examples/runner/options.h"
#include "granary/examples/runner/script_runner.h"
#include "granary/examples/runner/shell.h"
#include "granary/query/database.h"

namespace granary::runner {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitInterrupted = 130;   // 128 + SIGINT, as shells count
constexpr int kExitOutputClosed = 141;  // 128 + SIGPIPE

std::unique_ptr<Database> OpenDatabase(const Options& options) {
  return Database::Open({.path = options.path,
                         .read_only = options.read_only,
                         .refresh = RefreshMode::kAuto,
                         .restore = options.restore,
                         .user_files_path = std::filesystem::current_path().string(),
                         .settings = options.settings,
                         .table_settings = options.table_settings,
                         .on_warning = [](const std::string& warning) {
                           std::fprintf(stderr, "Warning: %s\n", warning.c_str());
                         }});
}

std::string ReadScript(InputStream& input) {
  CancelToken cancel;
  const InterruptScope interrupt(cancel);
  return input.ReadAll(cancel);
}

void Run(const Options& options) {
  const std::unique_ptr<Database> database = OpenDatabase(options);
  InputStream input;
  const bool has_statements = !options.queries.empty() || !options.queries_files.empty();
  ScriptRunner runner(*database, options, has_statements ? &input : nullptr);
  for (const std::string& query : options.queries) runner.RunScript(query);
  for (const std::string& file : options.queries_files) runner.RunScript(ReadFile(file));
  if (has_statements) return;
  if (isatty(STDIN_FILENO) != 0) {
    Shell(runner).Run();
  } else {
    runner.RunScript(ReadScript(input));
  }
}

int Main(int argc, char** argv) {
  InstallSignalHandlers();
  try {
    const std::optional<Options> options = ParseCommandLine(argc, argv);
    if (options) Run(*options);
    return 0;
  } catch (const OutputClosed&) {
    return kExitOutputClosed;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.code() == ErrorCode::kQueryWasCancelled && TakeInterrupt() ? kExitInterrupted
                                                                            : kExitFailure;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return kExitFailure;
  }
}

}  // namespace
}  // namespace granary::runner

int main(int argc, char** argv) { return granary::runner::Main(argc, argv); }
