// Every file operation of every statement fails in turn: with EIO, ENOSPC, EFBIG, EMFILE, EINTR, or
// by doing half of what it should. The statement fails cleanly or succeeds, the table is as before
// or as after, nothing stays behind, and the same statement succeeds when the fault is gone.
//
// GRANARY_FAULT_STRIDE = 1 tries every operation with every fault (each fifth unless told).
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>

#include "granary/tests/faults/system_calls.h"
#include "granary/tests/query/database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary::testing {
namespace {

namespace fs = std::filesystem;

struct FaultedStatement {
  const char* name;
  std::string sql;
};

std::vector<FaultedStatement> Statements() {
  return {
      {"create", "CREATE TABLE w (a UInt8) ENGINE = MergeTree ORDER BY a"},
      {"insert",
       "INSERT INTO t SELECT number, number % 2, toString(number), [toFloat32(number), 1.] "
       "FROM numbers(100, 7)"},
      {"select", "SELECT count(), sum(id), max(s) FROM t WHERE g = 1"},
      {"search", "SELECT id FROM t ORDER BY L2Distance(v, [3., 1.]) LIMIT 4"},
      {"delete", "DELETE FROM t WHERE id % 3 = 1"},
      {"update", "ALTER TABLE t UPDATE s = 'new' WHERE id % 4 = 1"},
      {"alter_delete", "ALTER TABLE t DELETE WHERE id % 3 = 1"},
      {"optimize", "OPTIMIZE TABLE t PARTITION 0 FINAL"},
      {"add_index", "ALTER TABLE t ADD INDEX texts s TYPE set(10) GRANULARITY 1"},
      {"materialize", "ALTER TABLE t MATERIALIZE INDEX late"},
      {"drop_index", "ALTER TABLE t DROP INDEX near"},
      {"drop_partition", "ALTER TABLE t DROP PARTITION 1"},
      {"rename", "RENAME TABLE t TO renamed"},
      {"truncate", "TRUNCATE TABLE t"},
      {"drop", "DROP TABLE t"},
      {"open", ""},
  };
}

class IoFaults : public ::testing::TestWithParam<FaultedStatement> {
 protected:
  IoFaults() {
    char name[] = "/tmp/granary_faults_XXXXXX";
    root_ = ::mkdtemp(name);
    Open("pristine");
    for (const std::string sql :
         {"CREATE TABLE t (id UInt64, g UInt8, s String, v Array(Float32), INDEX near v TYPE "
          "vector_similarity('hnsw', 'L2Distance', 2)) ENGINE = MergeTree PARTITION BY g ORDER BY "
          "id SETTINGS index_granularity = 4, min_bytes_for_wide_part = 0, "
          "vector_index_min_rows_for_graph = 0",
          "INSERT INTO t SELECT number, number % 2, toString(number), [toFloat32(number), 1.] FROM "
          "numbers(9)",
          "INSERT INTO t SELECT number, number % 2, toString(number), [toFloat32(number), 1.] FROM "
          "numbers(9, 6)",
          "ALTER TABLE t ADD INDEX late s TYPE set(10) GRANULARITY 1"}) {
      database_->Execute(sql);
    }
    database_.reset();
  }
  ~IoFaults() override {
    database_.reset();
    fs::remove_all(root_);
  }

  void Open(const std::string& name) {
    warnings_.clear();
    DatabaseOptions options;
    options.path = root_ + "/" + name;
    options.threads = 1;
    options.background_merges = false;
    options.settings.vector_search_method = VectorSearchMethod::kGraph;
    options.on_warning = [this](const std::string& warning) { warnings_.push_back(warning); };
    database_ = Database::Open(std::move(options));
  }

  // A fresh copy of the database.
  void Copy() {
    database_.reset();
    fs::remove_all(root_ + "/db");
    fs::copy(root_ + "/pristine", root_ + "/db", fs::copy_options::recursive);
  }

  // The statement, or opening.
  void RunStatement() {
    if (GetParam().sql.empty()) return Open("db");
    answer_ = Query(*database_, GetParam().sql);
  }

  std::string State() {
    std::string state = Query(*database_, "SHOW TABLES");
    for (const char* table : {"t", "renamed"}) {
      if (Query(*database_, std::string("EXISTS TABLE ") + table) != "1\n") continue;
      const std::string from = std::string(" FROM ") + table;
      state += Query(*database_, std::string("SHOW CREATE TABLE ") + table);
      state += Query(*database_, "SELECT *" + from + " ORDER BY id, s");
      state +=
          Query(*database_, "SELECT id" + from + " ORDER BY L2Distance(v, [3., 1.]), id LIMIT 4");
    }
    return state;
  }

  // Directories below the database, and files but for hints and copies.
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(root_ + "/db")) {
      const std::string path = entry.path().string().substr(root_.size());
      const bool is_hint = path.ends_with(".durable") || path.ends_with("definition.sql") ||
                           path.ends_with("definition.sql.new");
      if (!is_hint) files.push_back(path);
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  struct Run {
    uint64_t calls = 0;
    std::string before, after, answer;
    std::vector<std::string> files_before, files_after;
  };

  Run RunWhole() {
    Run run;
    Copy();
    if (!GetParam().sql.empty()) Open("db");
    if (database_) run.before = State();
    run.files_before = Files();
    WatchCalls();
    RunStatement();
    run.calls = StopWatching();
    run.answer = answer_;
    run.after = State();
    if (run.before.empty()) run.before = run.after;
    run.files_after = Files();
    return run;
  }

  void RunWithFault(const Run& whole, uint64_t call, const Fault& fault) {
    Copy();
    if (!GetParam().sql.empty()) Open("db");
    FailCall(call, fault);
    bool has_thrown = false;
    try {
      RunStatement();
    } catch (const Error& error) {
      has_thrown = true;
      StopWatching();
      ASSERT_EQ(fault.kind, Fault::Kind::kErrno) << error.what();
      const bool is_named = error.message().find(root_) != std::string::npos ||
                            error.code() == ErrorCode::kNotEnoughSpace;
      ASSERT_TRUE(is_named) << "the error names no file: " << error.what();
    }
    StopWatching();
    if (!has_thrown) {
      ASSERT_EQ(State(), whole.after);
      ASSERT_EQ(answer_, whole.answer);
      return;
    }
    if (!GetParam().sql.empty()) {
      ASSERT_EQ(State(), whole.before);
      ASSERT_EQ(Files(), whole.files_before) << "something stays behind";
    }
    RunStatement();
    ASSERT_EQ(State(), whole.after);
    database_.reset();
    Open("db");
    ASSERT_EQ(State(), whole.after);
    ASSERT_THAT(warnings_, ::testing::IsEmpty());
  }

  std::string root_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Database> database_;
  std::string answer_;
};

TEST_P(IoFaults, TheStatementFailsCleanlyAndSucceedsAfterwards) {
  const std::vector<std::pair<const char*, Fault>> faults = {
      {"EIO", {Fault::Kind::kErrno, EIO}},     {"ENOSPC", {Fault::Kind::kErrno, ENOSPC}},
      {"EFBIG", {Fault::Kind::kErrno, EFBIG}}, {"EMFILE", {Fault::Kind::kErrno, EMFILE}},
      {"EPERM", {Fault::Kind::kErrno, EPERM}}, {"EINTR", {Fault::Kind::kInterrupted}},
      {"short count", {Fault::Kind::kShort}},
  };
  const uint64_t stride = NumberFromEnvironment("GRANARY_FAULT_STRIDE", 5);
  const Run whole = RunWhole();
  ASSERT_GT(whole.calls, 0u);
  uint64_t tried = 0;
  for (size_t f = 0; f < faults.size(); ++f) {
    for (uint64_t call = f % stride; call < whole.calls; call += stride) {
      SCOPED_TRACE(::testing::Message() << GetParam().name << ": " << faults[f].first << " at call "
                                        << call << " of " << whole.calls);
      RunWithFault(whole, call, faults[f].second);
      if (HasFatalFailure()) return;
      ++tried;
    }
  }
  std::printf("%s: %llu calls, %llu faults\n", GetParam().name,
              static_cast<unsigned long long>(whole.calls), static_cast<unsigned long long>(tried));
}

INSTANTIATE_TEST_SUITE_P(Statements, IoFaults, ::testing::ValuesIn(Statements()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace granary::testing
