// Databases to be damaged: on a disk in memory, closed, with questions and the right answers, also
// those that are right if some parts are missing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "granary/parts/simulated_disk.h"
#include "granary/query/database.h"

namespace granary::testing {

// An open database on a disk, and what it warned of.
class OpenDatabase {
 public:
  enum class Mode { kRead, kWrite, kRestore };
  explicit OpenDatabase(std::shared_ptr<SimulatedDisk> disk, Mode mode = Mode::kWrite);

  // The rows as lines of TabSeparated, sorted.
  std::vector<std::string> Ask(const std::string& sql);
  void Run(const std::string& sql) { Ask(sql); }
  // A warning that has all these texts in it.
  bool HasWarned(const std::string& text);
  std::vector<std::string> warnings();
  void Close() { database_.reset(); }

 private:
  std::mutex mutex_;
  std::vector<std::string> warnings_;  // guarded by mutex_
  std::unique_ptr<Database> database_;
};

// The directories of parts.
using PartPaths = std::set<std::string>;
// One for each question.
using Answers = std::vector<std::vector<std::string>>;

class Store {
 public:
  struct Question {
    std::string table;
    std::string sql;
  };

  explicit Store(std::string name);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  const std::string& name() const { return name_; }
  // Never changed once the store is complete: damage copies of it.
  const SimulatedDisk& disk() const { return *disk_; }
  std::shared_ptr<SimulatedDisk> Copy() const;
  const std::vector<Question>& questions() const { return questions_; }
  const PartPaths& parts() const { return parts_; }
  // By name.
  const std::map<std::string, std::string>& table_directories() const { return directories_; }
  // Adds one row to the table.
  std::string InsertInto(const std::string& table) const { return inserts_.at(table); }

  // What an open database has.
  PartPaths PartsOf(OpenDatabase& database) const;
  // Thread-safe.
  const Answers& AnswersWithout(const PartPaths& missing) const;

  // To build it: statements, each in the open database; then questions; then Complete.
  OpenDatabase& open() { return *open_; }
  void CreateTable(const std::string& table, const std::string& rest);
  void RenameTable(const std::string& from, const std::string& to);
  void AddTable(const std::string& table, const std::string& insert,
                const std::vector<std::string>& questions);
  void Complete();

 private:
  const std::string name_;
  const std::shared_ptr<SimulatedDisk> disk_;
  std::unique_ptr<OpenDatabase> open_;
  std::vector<Question> questions_;
  std::map<std::string, std::string> inserts_;
  std::map<std::string, std::string> created_;      // all tables there ever were
  std::map<std::string, std::string> directories_;  // those there are
  PartPaths parts_;

  mutable std::mutex mutex_;
  mutable std::map<PartPaths, Answers> answers_;  // guarded by mutex_
};

// Built at the first call, kept for the process. Every kind of file, index, layout, mask and record
// of a log is in one of them.
const std::vector<std::string>& StoreNames();
const Store& StoreOf(const std::string& name);

}  // namespace granary::testing
