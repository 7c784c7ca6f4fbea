// The command line of the runner.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "granary/table/settings.h"

namespace granary::runner {

struct Options {
  std::string path;  // empty: the database lives in memory
  std::vector<std::string> queries;
  std::vector<std::string> queries_files;
  std::optional<std::string> format;
  std::vector<std::pair<std::string, std::string>> parameters;  // --param_NAME=text
  QuerySettings settings;
  TableSettings table_settings;
  bool print_time = false;
  bool read_only = false;
  bool restore = false;
};

// Throws Error: UNKNOWN_SETTING, INVALID_SETTING_VALUE, UNKNOWN_FORMAT, BAD_ARGUMENTS. Nothing if
// the arguments asked for a text (--help, --version), which has been printed then.
std::optional<Options> ParseCommandLine(int argc, char** argv);

}  // namespace granary::runner
