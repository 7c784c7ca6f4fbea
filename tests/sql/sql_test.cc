// Runs every `.test` file of this folder (sql_script.h) against a database on a simulated disk,
// three times: as it is, with graphs forced on index blocks of any size, and with skip indexes off,
// where exact results must not differ.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "granary/parts/simulated_disk.h"
#include "granary/query/database.h"
#include "granary/query/formats/output_format.h"
#include "sql_script.h"

namespace granary {
namespace {

enum class Mode { kAsWritten, kGraphsForced, kIndexesOff };
constexpr Mode kModes[] = {Mode::kAsWritten, Mode::kGraphsForced, Mode::kIndexesOff};

constexpr const char* kWithGraphs = "with-graphs";

const char* NameOf(Mode mode) {
  return mode == Mode::kAsWritten      ? "as_written"
         : mode == Mode::kGraphsForced ? "graphs_forced"
                                       : "indexes_off";
}

std::unique_ptr<Database> OpenDatabase(const std::shared_ptr<SimulatedDisk>& disk, Mode mode) {
  DatabaseOptions options;
  options.settings.vector_search_method = VectorSearchMethod::kGraph;  // although they are small
  options.path = "db";
  options.file_system = disk;
  options.threads = 2;
  options.background_merges = false;
  if (mode == Mode::kGraphsForced) options.table_settings.vector_index_min_rows_for_graph = 0;
  options.settings.use_skip_indexes = mode != Mode::kIndexesOff;
  return Database::Open(std::move(options));
}

std::vector<std::string> Rows(Result result) {
  ByteWriter text;
  const auto format = OutputFormat::Create("TabSeparated", result.columns(), text);
  while (const auto block = result.Next()) format->WriteBlock(*block);
  format->Finish();
  std::vector<std::string> rows;
  const auto bytes = text.bytes();
  std::string all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = all.find('\n', begin);
    rows.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
  return rows;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

class SqlTest : public testing::Test {
 public:
  SqlTest(std::string path, Mode mode) : path_(std::move(path)), mode_(mode) {}

  void TestBody() override {
    disk_ = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
    database_ = OpenDatabase(disk_, mode_);
    for (const SqlEntry& entry : ReadSqlScript(path_)) {
      SCOPED_TRACE(path_ + ":" + std::to_string(entry.line));
      try {
        Run(entry);
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
      if (HasFatalFailure()) return;
    }
  }

 private:
  void Run(const SqlEntry& entry) {
    const bool needs_indexes = entry.verb == "explain-contains" || entry.verb == "recall-at-least";
    if (needs_indexes && mode_ == Mode::kIndexesOff) return;
    if (entry.argument == kWithGraphs && mode_ != Mode::kGraphsForced) return;
    if (entry.verb == "ok") {
      Rows(database_->Execute(entry.statement));
    } else if (entry.verb == "error") {
      ExpectError(entry);
    } else if (entry.verb == "rows") {
      EXPECT_EQ(Joined(Rows(database_->Execute(entry.statement))), Joined(entry.expected));
    } else if (entry.verb == "explain-contains") {
      ExpectExplain(entry);
    } else if (entry.verb == "recall-at-least") {
      ExpectRecall(entry);
    } else if (entry.verb == "restart") {
      database_.reset();
      database_ = OpenDatabase(disk_, mode_);
    } else {
      CrashEverywhere(entry);
    }
  }

  void ExpectError(const SqlEntry& entry) {
    const size_t space = entry.argument.find(' ');
    const std::string code = entry.argument.substr(0, space);
    try {
      Rows(database_->Execute(entry.statement));
      ADD_FAILURE() << "succeeded; expected " << code;
    } catch (const Error& error) {
      EXPECT_EQ(ErrorName(error.code()), code) << error.what();
      if (space != std::string::npos) {
        EXPECT_NE(error.message().find(entry.argument.substr(space + 1)), std::string::npos)
            << error.what();
      }
    }
  }

  void ExpectExplain(const SqlEntry& entry) {
    const std::string plan =
        Joined(Rows(database_->Execute("EXPLAIN indexes = 1 " + entry.statement)));
    for (const std::string& line : entry.expected) {
      const bool absent = line[0] == '!';
      const bool found = plan.find(line.substr(absent)) != std::string::npos;
      EXPECT_NE(found, absent) << line << "\nin\n" << plan;
    }
  }

  void ExpectRecall(const SqlEntry& entry) {
    const std::vector<std::string> found = Rows(database_->Execute(entry.statement));
    Session exact_session(database_.get());
    exact_session.Set("use_skip_indexes", Value(uint64_t{0}));
    const std::vector<std::string> exact = Rows(exact_session.Execute(entry.statement));
    const std::set<std::string> found_set(found.begin(), found.end());
    const auto hits = std::count_if(exact.begin(), exact.end(), [&](const std::string& row) {
      return found_set.contains(row);
    });
    ASSERT_EQ(found.size(), exact.size());
    EXPECT_GE(static_cast<double>(hits), std::stod(entry.argument) * exact.size());
  }

  void CrashEverywhere(const SqlEntry& entry) {
    const std::string query = Joined(entry.expected);
    const std::string before = Joined(Rows(database_->Execute(query)));
    database_.reset();
    const auto base = disk_;
    std::string after;
    {
      disk_ = base->AfterPowerCut(SimulatedDisk::Survivors::kAll);
      database_ = OpenDatabase(disk_, mode_);
      Rows(database_->Execute(entry.statement));
      after = Joined(Rows(database_->Execute(query)));
    }
    EXPECT_NE(before, after) << "the statement must change what the query sees";
    for (uint64_t operations = 0;; ++operations) {
      const auto disk = base->AfterPowerCut(SimulatedDisk::Survivors::kAll);
      if (CrashAt(disk, operations, entry.statement, query, before, after)) {
        EXPECT_GT(operations, 2u) << "the statement wrote hardly anything";
        break;
      }
    }
  }

  // True if the statement ended before the disk stopped.
  bool CrashAt(const std::shared_ptr<SimulatedDisk>& disk, uint64_t operations,
               const std::string& statement, const std::string& query, const std::string& before,
               const std::string& after) {
    SCOPED_TRACE("stopped after operation " + std::to_string(operations));
    bool acknowledged = false;
    {
      const auto database = OpenDatabase(disk, mode_);
      disk->StopAfter(disk->operations() + operations);
      try {
        Rows(database->Execute(statement));
        acknowledged = true;
      } catch (const Error&) {
      }
    }
    for (const auto survivors : {SimulatedDisk::Survivors::kAll, SimulatedDisk::Survivors::kSynced,
                                 SimulatedDisk::Survivors::kRandom}) {
      const auto recovered = disk->AfterPowerCut(survivors, operations);
      const auto database = OpenDatabase(recovered, mode_);
      const std::string found = Joined(Rows(database->Execute(query)));
      if (acknowledged) {
        EXPECT_EQ(found, after) << "an acknowledged statement was lost";
      } else {
        EXPECT_TRUE(found == before || found == after) << "seen in part:\n" << found;
      }
    }
    return acknowledged;
  }

  const std::string path_;
  const Mode mode_;
  std::shared_ptr<SimulatedDisk> disk_;
  std::unique_ptr<Database> database_;
};

bool RegisterAll() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(GRANARY_SOURCE_DIR) + "/tests/sql")) {
    if (entry.path().extension() == ".test") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    for (const Mode mode : kModes) {
      testing::RegisterTest(NameOf(mode), path.stem().c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [=] { return new SqlTest(path.string(), mode); });
    }
  }
  return true;
}

[[maybe_unused]] const bool registered = RegisterAll();

}  // namespace
}  // namespace granary
