// What is charged to the limits of memory, and what happens where they are reached.
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/query/database_testing.h"

namespace granary {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class MemoryLimitTest : public ::testing::Test {
 protected:
  // Of vectors of 8 dimensions.
  static constexpr const char* kRows =
      "SELECT number AS id, arrayMap(i -> toFloat32(xxHash64(number * 8 + i) % 1000), range(8)) AS "
      "v FROM numbers(20000)";
  static constexpr const char* kSearch =
      "SELECT id FROM t ORDER BY L2Distance(v, [500., 500., 500., 500., 500., 500., 500., 500.]) "
      "LIMIT 5";
  // More than the rows take, less than their graph.
  static constexpr size_t kTooLittle = 12000000;

  void Open(size_t limit = 0, bool background_merges = false) {
    DatabaseOptions options;
    options.memory_limit_bytes = limit;
    options.background_merges = background_merges;
    options.threads = 2;
    options.settings.vector_search_method = VectorSearchMethod::kGraph;
    options.on_warning = [this](const std::string& warning) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(warning);
    };
    database_ = Database::Open(std::move(options));
    database_->Execute(
        "CREATE TABLE t (id UInt32, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'L2Distance', 8)) ENGINE = MergeTree ORDER BY id");
  }

  std::string Ask(const std::string& sql) { return Query(*database_, sql); }
  std::string Insert(const std::string& settings = {}) {
    return Ask(std::string("INSERT INTO t ") + kRows + settings);
  }
  std::string MissingIndexes() {
    return Ask("SELECT missing_indexes FROM system.parts WHERE table = 't' AND active");
  }
  std::vector<std::string> TakeWarnings() {
    const std::lock_guard lock(mutex_);
    return std::exchange(warnings_, {});
  }

  std::mutex mutex_;
  std::vector<std::string> warnings_;
  std::unique_ptr<Database> database_;
};

TEST_F(MemoryLimitTest, AnInsertWhoseGraphDoesNotFitIsWrittenWithoutIt) {
  Open();
  Insert(" SETTINGS max_memory_usage = " + std::to_string(kTooLittle));
  const std::vector<std::string> warnings = TakeWarnings();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("written without its vector index"));
  EXPECT_THAT(warnings[0], HasSubstr("the graph of 20000 vectors needs "));
  EXPECT_THAT(warnings[0], HasSubstr("the limit is 12000000"));
  EXPECT_EQ(MissingIndexes(), "['near']\n");
  EXPECT_THAT(Ask(std::string("EXPLAIN indexes = 1 ") + kSearch),
              HasSubstr("Exact scan: the part has no sub-index"));
  EXPECT_EQ(Ask("SELECT count(), uniqExact(id) FROM t"), "20000\t20000\n");
  const std::string nearest = Ask(kSearch);

  // A merge builds it where there is room.
  Ask("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(MissingIndexes(), "[]\n");
  EXPECT_THAT(Ask(std::string("EXPLAIN indexes = 1 ") + kSearch),
              HasSubstr("sub-indexes searched"));
  EXPECT_EQ(Ask(kSearch), nearest);
  EXPECT_TRUE(TakeWarnings().empty());
}

TEST_F(MemoryLimitTest, AnIndexThatIsAskedForFailsWhole) {
  Open(kTooLittle);
  Insert();
  EXPECT_EQ(TakeWarnings().size(), 1u);
  const std::string parts = Ask("SELECT name FROM system.parts WHERE table = 't' AND active");
  EXPECT_EQ(FailureOf(*database_, "ALTER TABLE t MATERIALIZE INDEX near"),
            ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(Ask("SELECT name FROM system.parts WHERE table = 't' AND active"), parts);
  EXPECT_EQ(MissingIndexes(), "['near']\n");
  // Rows that do not fit themselves are refused.
  EXPECT_EQ(FailureOf(*database_, std::string("INSERT INTO t ") + kRows +
                                      " SETTINGS max_memory_usage = 500000"),
            ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(Ask("SELECT count() FROM t"), "20000\n");
}

TEST_F(MemoryLimitTest, MergesEndWithoutGraphsThatDoNotFit) {
  Open(kTooLittle, /*background_merges=*/true);
  constexpr size_t kInserts = 6;
  for (size_t i = 0; i < kInserts; ++i) Insert();
  Ask("OPTIMIZE TABLE t FINAL");
  Ask("SYSTEM WAIT MERGES t");
  EXPECT_EQ(Ask("SELECT count() FROM t"), std::to_string(kInserts * 20000) + "\n");
  EXPECT_EQ(MissingIndexes(), "['near']\n");
  const std::vector<std::string> warnings = TakeWarnings();
  EXPECT_THAT(warnings, Contains(HasSubstr("builds no vector index for its result")));
  // One for each part that was written: merges are not tried again and again.
  EXPECT_LE(warnings.size(), 2 * kInserts);
  EXPECT_LE(database_->memory_peak(), kTooLittle);
}

TEST_F(MemoryLimitTest, OpenedIndexesAndTheirScratchAreCharged) {
  Open();
  Insert();
  EXPECT_EQ(database_->memory_used(), 0u);
  const std::string nearest = Ask(kSearch);
  EXPECT_EQ(Ask(kSearch), nearest);
  Ask("SYSTEM DROP UNCOMPRESSED CACHE");
  // A bit for each row that a search may visit, and those that it did visit.
  EXPECT_GT(database_->memory_used(), 20000u / 8);
  EXPECT_LT(database_->memory_used(), 1000000u);
  Ask("SYSTEM DROP VECTOR SIMILARITY INDEX CACHE");
  EXPECT_EQ(database_->memory_used(), 0u);
  EXPECT_EQ(Ask(kSearch), nearest);
}

TEST_F(MemoryLimitTest, SearchesAreChargedToTheirStatement) {
  Open();
  Insert();
  const std::string limited = std::string(kSearch) + " SETTINGS max_memory_usage = 4000";
  EXPECT_EQ(FailureOf(*database_, limited), ErrorCode::kMemoryLimitExceeded);
  // An explained statement has the settings of its own.
  EXPECT_EQ(FailureOf(*database_, "EXPLAIN indexes = 1 " + limited),
            ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(FailureOf(*database_, "EXPLAIN RECALL " + limited), ErrorCode::kMemoryLimitExceeded);
  EXPECT_THAT(Ask(std::string("EXPLAIN RECALL ") + kSearch), HasSubstr("Recall"));
}

TEST_F(MemoryLimitTest, RowsFoundAreChargedToTheirStatement) {
  Open();
  Ask("CREATE TABLE w (id UInt32, text String, v Array(Float32)) ENGINE = MergeTree ORDER BY id");
  Ask("INSERT INTO w SELECT number, repeat('x', 4000), [toFloat32(number)] FROM numbers(1500)");
  const std::string search = "SELECT id, text FROM w ORDER BY L2Distance(v, [0.]) LIMIT ";
  EXPECT_EQ(FailureOf(*database_, search + "100 SETTINGS max_memory_usage = 2000000"),
            std::nullopt);
  EXPECT_EQ(FailureOf(*database_, search + "1000 SETTINGS max_memory_usage = 2000000"),
            ErrorCode::kMemoryLimitExceeded);
}

TEST_F(MemoryLimitTest, OpenedIndexesLeaveRoomForStatements) {
  constexpr size_t kLimit = 8000000;
  Open(kLimit);
  Ask("CREATE TABLE s (id UInt32, word String, INDEX words word TYPE set(0) GRANULARITY 1) "
      "ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 100");
  // Every set has 100 words of 100 bytes; all of them would take 2 MB.
  Ask("INSERT INTO s SELECT number, concat(repeat('w', 100), toString(number)) FROM "
      "numbers(15000)");
  size_t most = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ask("SELECT id FROM s WHERE word = concat(repeat('w', 100), '4711')"), "4711\n");
    most = std::max(most, database_->memory_used());
  }
  EXPECT_GT(most, kLimit / 16);
  Ask("SYSTEM DROP UNCOMPRESSED CACHE");
  EXPECT_LE(database_->memory_used(), kLimit / 8);
  Ask("SYSTEM DROP SKIPPING INDEX CACHE");
  EXPECT_EQ(database_->memory_used(), 0u);
}

}  // namespace
}  // namespace granary
