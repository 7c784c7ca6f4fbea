// A database on a disk in memory with two small tables, and what can be seen of it: for statements
// that are made to fail.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "granary/parts/simulated_disk.h"
#include "granary/query/database.h"

namespace granary::testing {

class FaultyDatabase {
 public:
  explicit FaultyDatabase(size_t threads = 1);

  Database& operator*() { return *database_; }
  Database* operator->() { return database_.get(); }
  SimulatedDisk& disk() { return *disk_; }

  DatabaseOptions Options(bool read_only = false) const;
  void Open(bool read_only = false);
  void Close() { database_.reset(); }

  // Tables with their definitions, rows and parts, as text.
  std::string Contents();
  // The paths of all files.
  std::set<std::string> Files();

 private:
  void AddFiles(const std::string& directory, std::set<std::string>& files);

  const size_t threads_;
  std::shared_ptr<SimulatedDisk> disk_;
  std::unique_ptr<Database> database_;
};

// All rows as text.
std::string TextOf(Result result);

}  // namespace granary::testing
