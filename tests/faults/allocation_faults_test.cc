// Every allocation of every kind of statement fails in turn. The statement then fails with
// MEMORY_LIMIT_EXCEEDED, no file and no change stays behind, the database is usable, and the same
// statement succeeds once there is memory again.
//
// A sample of the allocations unless GRANARY_FAULTS_ALL=1; GRANARY_SEED chooses the sample.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <ostream>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "failing_allocations.h"
#include "faulty_database.h"
#include "granary/tests/random_seed.h"

namespace granary::testing {
namespace {

// What `run` allocates itself may fail too: it has everything ready.
struct Statement {
  std::string name;
  std::function<void(Database&)> run;
  bool changes = false;
};

void PrintTo(const Statement& statement, std::ostream* out) { *out << statement.name; }

Statement Reading(std::string name, std::string sql) {
  return {std::move(name), [sql](Database& database) { database.Execute(sql).ReadAll(); }};
}

Statement Changing(std::string name, std::string sql) {
  return {std::move(name), [sql](Database& database) { database.Execute(sql); }, true};
}

void SearchPrepared(Database& database) {
  PreparedStatement search = database.Prepare(
      "SELECT id, s FROM t WHERE p < {most:UInt8} ORDER BY L2Distance(v, {q:Array(Float32)}) "
      "LIMIT 5");
  static const std::vector<float> query = {1, 2, 3, 4};
  search.Bind("q", query).Bind("most", 2);
  search.Execute().ReadAll();
  search.Execute().ReadAll();
}

void SearchMatrix(Database& database) {
  PreparedStatement search =
      database.Prepare("SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 3");
  static const std::vector<float> queries = {1, 2, 3, 4, 5, 6, 7, 8};
  search.BindMatrix("q", queries, 4).Execute().ReadAll();
}

Block RowsOfU(uint32_t first) {
  Block block;
  block.Add("k", std::make_shared<NumberColumn<uint32_t>>(TypeId::kUInt32,
                                                          std::vector<uint32_t>{first, first + 2}));
  block.Add(
      "w", std::make_shared<NumberColumn<double>>(TypeId::kFloat64, std::vector<double>{0.5, 1.5}));
  return block;
}

void InsertBlocks(Database& database) {
  static const Block first = RowsOfU(50), second = RowsOfU(60);
  Inserter inserter(&database, "u");
  inserter.Append(first);
  inserter.Append(second);
  inserter.Finish();
}

void InsertJson(Database& database) {
  ExecuteOptions options;
  bool is_read = false;
  options.input = [&](std::span<char> buffer) -> size_t {
    constexpr std::string_view kRows = "{\"k\": 90, \"w\": 1}\n{\"k\": 92, \"w\": 2}\n";
    if (std::exchange(is_read, true)) return 0;
    std::copy(kRows.begin(), kRows.end(), buffer.begin());
    return kRows.size();
  };
  database.Execute("INSERT INTO u FORMAT JSONEachRow", options);
}

void ChangeSession(Database& database) {
  Session session(&database);
  session.Set("max_threads", Value(uint64_t{1}));
  session.SetParameter("least", "3");
  session.Execute("SELECT count() FROM u WHERE k > {least:UInt32}").ReadAll();
  session.Execute("SET max_block_size = 100, param_x = 'a long text that is not kept in place'");
  session.settings();
}

std::vector<Statement> Statements() {
  return {
      Reading("select", "SELECT id, s, v FROM t WHERE id > 3 AND s != '7'"),
      Reading("expressions",
              "SELECT concat(s, '-', upper(s)), arrayMap(x -> x + id, v), if(p = 1, [s], []), "
              "CAST(id AS String), toDate(id) + 1, multiIf(p = 0, 'a', p = 1, s, 'c') FROM t"),
      Reading("group_by",
              "SELECT p, count(), sum(id), groupArray(s), uniqExact(s), quantile(0.5)(id), "
              "max(s), argMin(v, id), groupUniqArray(p), countIf(id > 5), sum(DISTINCT p) FROM t "
              "GROUP BY p HAVING count() > 1 ORDER BY p"),
      Reading("group_by_text", "SELECT s, v, count() FROM t GROUP BY s, v"),
      Reading("order_by", "SELECT * FROM t ORDER BY s DESC, id LIMIT 7 OFFSET 2"),
      Reading("distinct", "SELECT DISTINCT p, length(s) FROM t"),
      Reading("subqueries",
              "WITH (SELECT max(k) FROM u) AS most SELECT id FROM t WHERE id IN (SELECT k FROM u) "
              "AND id <= most UNION ALL SELECT k FROM (SELECT k FROM u ORDER BY k LIMIT 2)"),
      Reading("numbers", "SELECT sum(number), any(toString(number)) FROM numbers(1000)"),
      Reading("search",
              "SELECT id, L2Distance(v, [1., 2., 3., 4.]) AS d FROM t ORDER BY d LIMIT 5"),
      Reading(
          "filtered_search",
          "SELECT id, s FROM t WHERE s LIKE '1%' AND p != 2 ORDER BY L2Distance(v, [3., 1., 9., "
          "0.]) LIMIT 4 SETTINGS vector_search_method = 'auto'"),
      Reading("exact_search",
              "SELECT id FROM t ORDER BY cosineDistance(v, [3., 1., 9., 0.]) LIMIT 4"),
      Reading("range", "SELECT id FROM t WHERE L2Distance(v, [1., 1., 5., 0.]) < 3"),
      Reading("explain",
              "EXPLAIN indexes = 1 SELECT id FROM t WHERE p = 1 ORDER BY L2Distance(v, "
              "[1., 2., 3., 4.]) LIMIT 5"),
      Reading("show", "SHOW CREATE TABLE t"),
      Reading("describe", "DESCRIBE TABLE t"),
      Reading("system_tables", "SELECT * FROM system.parts"),
      Reading("check", "CHECK TABLE t"),
      Reading("json_output", "SELECT * FROM t LIMIT 3 FORMAT JSON"),
      {"prepared_search", SearchPrepared},
      {"matrix_search", SearchMatrix},
      {"session", ChangeSession},
      Changing(
          "create",
          "CREATE TABLE x (a UInt64, b Array(Float32), CONSTRAINT c CHECK a > 0, INDEX i b TYPE "
          "vector_similarity('hnsw', 'cosineDistance', 8)) ENGINE = MergeTree ORDER BY a"),
      Changing("insert_values", "INSERT INTO u VALUES (70, 1.5), (71, 2.5), (72, 3)"),
      Changing(
          "insert_vectors",
          "INSERT INTO t SELECT number + 500, 'new', 1, [1., 2., 3., number] FROM numbers(20)"),
      {"insert_blocks", InsertBlocks, true},
      {"insert_json", InsertJson, true},
      Changing("delete", "DELETE FROM t WHERE p = 1 AND id > 4"),
      Changing("update", "ALTER TABLE t UPDATE s = concat(s, '!') WHERE p = 2"),
      Changing("alter_delete", "ALTER TABLE t DELETE WHERE p = 0"),
      Changing("optimize", "OPTIMIZE TABLE t FINAL"),
      Changing("add_index", "ALTER TABLE u ADD INDEX j w TYPE minmax"),
      Changing("drop_index", "ALTER TABLE t DROP INDEX low"),
      Changing("clear_index", "ALTER TABLE t CLEAR INDEX near"),
      Changing("add_constraint", "ALTER TABLE u ADD CONSTRAINT c CHECK w >= 0"),
      Changing("modify_setting", "ALTER TABLE u MODIFY SETTING merge_max_block_size = 100"),
      Changing("drop_partition", "ALTER TABLE u DROP PARTITION 1"),
      Changing("truncate", "TRUNCATE TABLE t"),
      Changing("drop", "DROP TABLE t"),
  };
}

// The allocations of `total` to fail: all, or the first ones and some others.
std::vector<uint64_t> Chosen(uint64_t total) {
  std::vector<uint64_t> chosen;
  constexpr uint64_t kFirst = 10, kOthers = 30;
  if (NumberFromEnvironment("GRANARY_FAULTS_ALL", 0) != 0 || total <= kFirst + kOthers) {
    for (uint64_t i = 0; i < total; ++i) chosen.push_back(i);
    return chosen;
  }
  static const uint64_t kSeed = NumberFromEnvironment("GRANARY_SEED", 1);
  std::mt19937_64 random(kSeed);
  for (uint64_t i = 0; i < kFirst; ++i) chosen.push_back(i);
  for (uint64_t i = 0; i < kOthers; ++i) {
    chosen.push_back(std::uniform_int_distribution<uint64_t>(kFirst, total - 1)(random));
  }
  return chosen;
}

struct Attempt {
  bool has_failed = false;  // with an Error
  std::string error;        // that is not the one that is expected
  uint64_t allocations = 0;
};

Attempt Try(const std::function<void()>& run, uint64_t first, bool all_later = false) {
  Attempt attempt;
  try {
    const FailingAllocations faults(first, all_later);
    run();
  } catch (const Error& error) {
    attempt.has_failed = true;
    if (error.code() != ErrorCode::kMemoryLimitExceeded) attempt.error = error.what();
  } catch (const std::exception& error) {
    attempt.has_failed = true;
    attempt.error = std::string("not an Error of the library: ") + error.what();
  }
  attempt.allocations = FailingAllocations::seen();
  return attempt;
}

constexpr uint64_t kNoFault = ~uint64_t{0};

class AllocationFaults : public ::testing::TestWithParam<Statement> {
 protected:
  // Without faults: what the statement makes of the database, and how often it allocates.
  void SetUp() override {
    FaultyDatabase database;
    before_ = database.Contents();
    const Attempt attempt = Try([&] { GetParam().run(*database); }, kNoFault);
    ASSERT_FALSE(attempt.has_failed) << attempt.error;
    allocations_ = attempt.allocations;
    after_ = database.Contents();
    EXPECT_EQ(before_ != after_, GetParam().changes);
  }

  // A vector index for which there is no memory is left out, with a warning, and rows are written.
  static std::string WithoutMissingIndexes(std::string contents) {
    const std::string missing = "['near']";
    for (size_t at; (at = contents.find(missing)) != std::string::npos;) {
      contents.replace(at, missing.size(), "[]");
    }
    return contents;
  }

  // The statement with a fault in a database that has not been changed; false if it has changed it,
  // as a fault that is got over lets it.
  bool FailsCleanly(FaultyDatabase& database, uint64_t first, bool all_later) {
    const std::set<std::string> files = database.Files();
    const Attempt attempt = Try([&] { GetParam().run(*database); }, first, all_later);
    EXPECT_EQ(attempt.error, "");
    if (!attempt.has_failed) {
      EXPECT_EQ(WithoutMissingIndexes(database.Contents()), WithoutMissingIndexes(after_));
      return !GetParam().changes;
    }
    EXPECT_EQ(database.Contents(), before_);
    // Without any memory files cannot be removed; the next open does it.
    EXPECT_TRUE(all_later || database.Files() == files) << "files have changed";
    return true;
  }

  std::string before_, after_;
  uint64_t allocations_ = 0;
};

TEST_P(AllocationFaults, AStatementFailsCleanlyAndSucceedsLater) {
  for (const bool all_later : {false, true}) {
    auto database = std::make_unique<FaultyDatabase>();
    for (const uint64_t first : Chosen(allocations_)) {
      SCOPED_TRACE((all_later ? "all allocations from " : "allocation ") + std::to_string(first) +
                   " of " + std::to_string(allocations_));
      if (!FailsCleanly(*database, first, all_later)) database = std::make_unique<FaultyDatabase>();
      if (HasFailure()) return;
    }
    GetParam().run(**database);
    EXPECT_EQ(database->Contents(), after_);
    database->Close();
    database->Open();
    EXPECT_EQ(database->Contents(), after_);
  }
}

// Which thread it is that has no memory is up to chance here.
TEST_P(AllocationFaults, AnyThreadMayRunOutOfMemory) {
  constexpr size_t kThreads = 3, kAttempts = 12;
  auto database = std::make_unique<FaultyDatabase>(kThreads);
  std::mt19937_64 random(NumberFromEnvironment("GRANARY_SEED", 1));
  for (size_t i = 0; i < kAttempts; ++i) {
    const uint64_t first = std::uniform_int_distribution<uint64_t>(0, allocations_ - 1)(random);
    SCOPED_TRACE("allocation " + std::to_string(first) + " of about " +
                 std::to_string(allocations_));
    if (!FailsCleanly(*database, first, i % 2 == 1)) {
      database = std::make_unique<FaultyDatabase>(kThreads);
    }
    if (HasFailure()) return;
  }
  GetParam().run(**database);
  EXPECT_EQ(database->Contents(), after_);
}

INSTANTIATE_TEST_SUITE_P(Statements, AllocationFaults, ::testing::ValuesIn(Statements()),
                         [](const auto& info) { return info.param.name; });

class AllocationFaultsOfOpen : public ::testing::TestWithParam<bool> {
 protected:
  static Attempt TryToOpen(DatabaseOptions options, uint64_t first, bool all_later) {
    return Try([&] { Database::Open(std::move(options)); }, first, all_later);
  }
};

TEST_P(AllocationFaultsOfOpen, ADatabaseThatCannotBeOpenedIsOpenedLater) {
  const bool read_only = GetParam();
  FaultyDatabase database;
  const std::string contents = database.Contents();
  database.Close();
  // The lease of a reader that had no memory left is removed by the next writer.
  const auto files_but_leases = [&] {
    std::set<std::string> files = database.Files();
    std::erase_if(
        files, [](const std::string& path) { return path.find("/readers") != std::string::npos; });
    return files;
  };
  const std::set<std::string> files = files_but_leases();
  const Attempt whole = TryToOpen(database.Options(read_only), kNoFault, false);
  for (const bool all_later : {false, true}) {
    for (const uint64_t first : Chosen(whole.allocations)) {
      SCOPED_TRACE("allocation " + std::to_string(first) + " of " +
                   std::to_string(whole.allocations));
      const Attempt attempt = TryToOpen(database.Options(read_only), first, all_later);
      EXPECT_EQ(attempt.error, "");
      EXPECT_EQ(files_but_leases(), files);
      if (HasFailure()) return;
    }
  }
  database.Open(read_only);
  EXPECT_EQ(database.Contents(), contents);
}

INSTANTIATE_TEST_SUITE_P(Modes, AllocationFaultsOfOpen, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "read_only" : "writing"; });

// Merges in the background end with a warning, their threads live on, and nothing is lost.
TEST(AllocationFaultsOfMerges, BackgroundMergesSurviveAndWarn) {
  std::atomic<size_t> warnings{0};
  DatabaseOptions options;
  options.threads = 2;
  options.on_warning = [&](const std::string&) { ++warnings; };
  const auto database = Database::Open(std::move(options));
  database->Execute("CREATE TABLE t (id UInt64, s String) ENGINE = MergeTree ORDER BY id");
  database->Execute("SYSTEM STOP MERGES");
  uint64_t rows = 0;
  for (uint64_t first = 0; first < 400; first += 13) {
    SCOPED_TRACE("allocation " + std::to_string(first));
    for (size_t part = 0; part < 2; ++part, rows += 10) {
      database->Execute("INSERT INTO t SELECT number, 'a text' FROM numbers(10)");
    }
    database->Execute("SYSTEM START MERGES");
    std::atomic<bool> is_armed{false};
    std::string error;
    std::thread waiting([&] {
      while (!is_armed) std::this_thread::yield();
      try {
        database->Execute("SYSTEM WAIT MERGES");
      } catch (const Error& failure) {
        if (failure.code() != ErrorCode::kMemoryLimitExceeded) error = failure.what();
      }
    });
    {
      const FailingAllocations faults(first, first % 2 == 1);
      is_armed = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    waiting.join();
    EXPECT_EQ(error, "");
    EXPECT_EQ(TextOf(database->Execute("SELECT count() FROM t")), std::to_string(rows) + "\n");
    database->Execute("SYSTEM STOP MERGES");
  }
  database->Execute("SYSTEM START MERGES");
  database->Execute("SYSTEM WAIT MERGES");
  EXPECT_EQ(TextOf(database->Execute("SELECT count() FROM system.parts")), "1\n");
  EXPECT_GT(warnings, 0u);
}

}  // namespace
}  // namespace granary::testing
