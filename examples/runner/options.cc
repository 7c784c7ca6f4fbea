#include "granary/examples/runner/options.h"

#include <iostream>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "granary/query/formats/registry.h"
#include "granary/table/error.h"

namespace granary::runner {
namespace {

constexpr char kDescription[] =
    "Granary, an embedded analytics engine with vector search.\n"
    "Runs SQL from -q, --queries-file, standard input or, on a terminal, a shell.\n";
constexpr char kFooter[] =
    "\n--NAME=VALUE sets any setting of statements or, for tables made by CREATE TABLE, of "
    "tables:\n"
    "  granary --max_threads=1 --path words -q 'SELECT count() FROM t'\n"
    "SELECT name, value, description FROM system.settings lists them.\n"
    "--param_NAME=TEXT gives the placeholder {NAME:Type} of the statements its value:\n"
    "  granary --param_n=3 -q 'SELECT {n:UInt8} + 1'\n"
    "INSERT INTO t FORMAT CSV with -q reads the rows from standard input:\n"
    "  granary --path words -q 'INSERT INTO t FORMAT CSV' < rows.csv\n";
constexpr std::string_view kParameterPrefix = "param_";

void ApplySettingOfAnyKind(Options& options, const std::string& name, const std::string& value) {
  try {
    ApplySetting(options.settings, name, Value(value));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnknownSetting) throw;
    try {
      ApplySetting(options.table_settings, name, Value(value));
    } catch (const Error& table_error) {
      throw table_error.code() == ErrorCode::kUnknownSetting ? error : table_error;
    }
  }
}

void ApplyNamed(Options& options, const std::string& name, const std::string& value) {
  if (name.starts_with(kParameterPrefix)) {
    options.parameters.emplace_back(name.substr(kParameterPrefix.size()), value);
  } else {
    ApplySettingOfAnyKind(options, name, value);
  }
}

// --name=value and --name value.
void ApplyRest(Options& options, const std::vector<std::string>& rest) {
  for (size_t i = 0; i < rest.size(); ++i) {
    if (!rest[i].starts_with("--")) {
      throw Error(ErrorCode::kBadArguments,
                  fmt::format("Unexpected argument '{}'; statements are given with -q", rest[i]));
    }
    const size_t equals = rest[i].find('=');
    const bool has_value = equals != std::string::npos;
    if (!has_value && i + 1 == rest.size()) {
      throw Error(ErrorCode::kBadArguments, fmt::format("Option {} needs a value", rest[i]));
    }
    const std::string name = rest[i].substr(2, has_value ? equals - 2 : std::string::npos);
    ApplyNamed(options, name, has_value ? rest[i].substr(equals + 1) : rest[i + 1]);
    if (!has_value) ++i;
  }
}

}  // namespace

std::optional<Options> ParseCommandLine(int argc, char** argv) {
  Options options;
  CLI::App app(kDescription, "granary");
  app.footer(kFooter);
  app.allow_extras();
  app.set_version_flag("--version", std::string("granary ") + GRANARY_VERSION);
  app.add_option("--path", options.path, "Directory of the database (default: in memory)");
  app.add_option("-q,--query", options.queries, "Statements, separated by ';'; repeatable")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--queries-file", options.queries_files, "File of statements; repeatable")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  app.add_option("--format", options.format,
                 "Format of results (default: PrettyCompact on a terminal, else TabSeparated)");
  app.add_flag("-t,--time", options.print_time, "Print the seconds of each statement to stderr");
  app.add_flag(
      "--readonly", options.read_only,
      "Open the directory for reading only, also beside a writer; each statement sees what "
      "has been committed when it begins");
  app.add_flag(
      "--restore", options.restore,
      "Make new logs where the catalogue or the log of a table is damaged or lost, and say "
      "what was found");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    app.exit(help);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorCode::kBadArguments, std::string(error.what()));
  }
  ApplyRest(options, app.remaining());
  if (options.format) CanonicalFormat(*options.format);
  return options;
}

}  // namespace granary::runner
