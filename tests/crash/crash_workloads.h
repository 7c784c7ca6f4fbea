// Workloads for crash tests: what is set up before, and the statement during which the disk stops.
#pragma once

#include <string>
#include <vector>

namespace granary::testing {

struct CrashWorkload {
  std::string name;
  // Run whole, before the disk is watched.
  std::vector<std::string> before;
  // The statements that are interrupted, one after the other. Empty: opening the database is.
  std::vector<std::string> statements;
  // What happens to the files before the database is opened.
  std::vector<std::string> lost_files = {};
  std::vector<std::string> torn_files = {};  // get the beginning of a record at their end
  bool restore = false;                      // DatabaseOptions::restore
  // Begin with the database tests/golden/stores/<golden> instead of an empty one.
  std::string golden = {};
};

// Every statement that changes what is on disk, and every way of opening a database.
// `table_settings` goes into the SETTINGS of every table.
std::vector<CrashWorkload> CrashWorkloads(const std::string& table_settings);

}  // namespace granary::testing
