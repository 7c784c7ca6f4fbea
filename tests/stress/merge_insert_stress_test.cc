// Writers, deleters, mergers and readers at once, through Database. Every INSERT writes rows that
// know how many they are, every DELETE takes the rows of one INSERT; every reader checks that it
// sees both whole or not at all, and that searches obey their filters, return as many rows as there
// are, and show the right distances.
//
// Runs for GRANARY_STRESS_SECONDS (3 by default).
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/stress/stress_database.h"

namespace granary {
namespace {

using granary::testing::Distance;
using granary::testing::MakeColumn;
using granary::testing::StressDatabase;
using granary::testing::VectorText;
using granary::testing::VectorValue;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

constexpr size_t kDimensions = 4;
constexpr uint64_t kBuckets = 3;
constexpr uint64_t kResidues = 2 * kBuckets;  // of seq, which say what every filter says of a row
constexpr size_t kWriters = 2;
constexpr size_t kMostRows = 40;

std::vector<float> RandomVector(std::mt19937_64& random) {
  std::vector<float> vector(kDimensions);
  for (float& value : vector) value = static_cast<float>(random() % 512) / 64.0f - 4.0f;
  return vector;
}

// The vector of row `seq` of statement `id`: whoever reads the two numbers knows it.
std::vector<float> VectorOf(uint64_t id, uint64_t seq) {
  std::mt19937_64 random(id * 1000003 + seq);
  return RandomVector(random);
}

struct Filter {
  std::string sql;
  std::function<bool(uint64_t seq)> matches;
};

class MergeInsertStressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    db_.Run(
        "CREATE TABLE t (id UInt64, seq UInt32, rows UInt32, bucket UInt8, v Array(Float32), "
        "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 4), "
        "INDEX ids id TYPE minmax) "
        "ENGINE = MergeTree PARTITION BY bucket ORDER BY (seq, id) "
        "SETTINGS index_granularity = 8, vector_index_min_rows_for_graph = 0, "
        "min_bytes_for_wide_part = 4096, merge_max_block_size = 32");
  }

  static Block MakeInsert(uint64_t id, uint32_t rows) {
    Block block(rows);
    block.Add("id", MakeColumn(TypeId::kUInt64, rows, [&](size_t) { return id; }));
    block.Add("seq", MakeColumn(TypeId::kUInt32, rows, [](size_t row) { return uint64_t{row}; }));
    block.Add("rows", MakeColumn(TypeId::kUInt32, rows, [&](size_t) { return uint64_t{rows}; }));
    block.Add("bucket", MakeColumn(TypeId::kUInt8, rows,
                                   [](size_t row) { return uint64_t{row % kBuckets}; }));
    block.Add("v", MakeColumn(DataType::Array(TypeId::kFloat32), rows,
                              [&](size_t row) { return VectorValue(VectorOf(id, row)); }));
    return block;
  }

  void Write(uint64_t writer, std::mt19937_64& random) {
    const uint64_t id = writer * 1000000 + inserts_of_[writer]++;
    const auto rows = static_cast<uint32_t>(1 + random() % kMostRows);
    db_->Insert("t", MakeInsert(id, rows));
    for (uint32_t seq = 0; seq < rows; ++seq) ++rows_of_[seq % kResidues];
    ++inserts_;
    live_of_[writer].emplace_back(id, rows);
    if (random() % 3 == 0) Delete(live_of_[writer], random);
  }

  // Deletes the rows of one INSERT.
  void Delete(std::vector<std::pair<uint64_t, uint32_t>>& live, std::mt19937_64& random) {
    std::swap(live[random() % live.size()], live.back());
    const auto [id, rows] = live.back();
    live.pop_back();
    for (uint32_t seq = 0; seq < rows; ++seq) ++rows_deleted_of_[seq % kResidues];
    ++deletes_;
    db_.Run("DELETE FROM t WHERE id = " + std::to_string(id));
    const std::lock_guard lock(deleted_mutex_);
    deleted_.insert(id);
  }

  std::set<uint64_t> deleted() {
    const std::lock_guard lock(deleted_mutex_);
    return deleted_;
  }

  void Maintain(std::mt19937_64& random) {
    switch (random() % 10) {
      case 0:
        return db_.Run("OPTIMIZE TABLE t FINAL");
      case 1:
        return db_.Run("OPTIMIZE TABLE t PARTITION " + std::to_string(random() % kBuckets));
      case 2:
        db_.Run("SYSTEM STOP MERGES t");
        return db_.Run("SYSTEM START MERGES t");
      case 3:
        return db_.Run("ALTER TABLE t CLEAR INDEX near");
      case 4:
        return db_.Run("ALTER TABLE t MATERIALIZE INDEX near");
      case 5:
        db_.Rows("SELECT * FROM system.merges");
        return;
      case 6:
        // Says nothing new of any row, but rewrites whole parts while rows are deleted.
        return db_.Run("ALTER TABLE t UPDATE rows = rows + 0 WHERE seq % 7 = " +
                       std::to_string(random() % 7));
      case 7:
        return db_.Run("UPDATE t SET v = arrayMap(x -> x, v) WHERE bucket = " +
                       std::to_string(random() % kBuckets));
      default:
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  void CheckWholeStatements() {
    const uint64_t inserts_before = inserts_;
    const std::set<uint64_t> deleted_before = deleted();
    const Block groups =
        db_.Rows("SELECT id, count() AS n, min(rows), max(rows), sum(seq) FROM t GROUP BY id");
    EXPECT_GE(groups.rows() + deletes_, inserts_before);
    for (size_t row = 0; row < groups.rows(); ++row) {
      const auto at = [&](size_t column) { return groups.column(column)->ValueAt(row).as_uint(); };
      const uint64_t rows = at(1);
      ASSERT_FALSE(deleted_before.contains(at(0))) << "INSERT " << at(0) << " was deleted";
      ASSERT_EQ(at(2), rows) << "INSERT " << at(0);
      ASSERT_EQ(at(3), rows) << "INSERT " << at(0);
      ASSERT_EQ(at(4), rows * (rows - 1) / 2) << "INSERT " << at(0);
    }
    ++whole_checks_;
  }

  // All rows; a partition; a predicate that is known row by row only.
  Filter RandomFilter(std::mt19937_64& random) {
    const uint64_t bucket = random() % kBuckets;
    const uint64_t parity = random() % 2;
    switch (random() % 3) {
      case 0:
        return {"", [](uint64_t) { return true; }};
      case 1:
        return {" WHERE bucket = " + std::to_string(bucket),
                [bucket](uint64_t seq) { return seq % kBuckets == bucket; }};
      default:
        return {" WHERE seq % 2 = " + std::to_string(parity),
                [parity](uint64_t seq) { return seq % 2 == parity; }};
    }
  }

  using RowCounts = std::array<std::atomic<uint64_t>, kResidues>;
  static uint64_t CountRows(const RowCounts& counts, const Filter& filter) {
    uint64_t rows = 0;
    for (uint64_t residue = 0; residue < kResidues; ++residue) {
      if (filter.matches(residue)) rows += counts[residue];
    }
    return rows;
  }

  void CheckSearch(std::mt19937_64& random) {
    const std::vector<float> query = RandomVector(random);
    const Filter filter = RandomFilter(random);
    const uint64_t limit = 1 + random() % 20;
    const uint64_t inserted_before = CountRows(rows_of_, filter);
    const std::set<uint64_t> deleted_before = deleted();
    const Block found =
        db_.Rows("SELECT id, seq, L2Distance(v, " + VectorText(query) + ") AS d FROM t" +
                 filter.sql + " ORDER BY d LIMIT " + std::to_string(limit));
    const uint64_t deleted_after = CountRows(rows_deleted_of_, filter);
    const uint64_t rows = inserted_before - std::min(inserted_before, deleted_after);
    ASSERT_GE(found.rows(), std::min(limit, rows)) << filter.sql;
    ASSERT_LE(found.rows(), limit);
    double previous = 0;
    for (size_t row = 0; row < found.rows(); ++row) {
      const uint64_t id = found.column(0)->ValueAt(row).as_uint();
      const uint64_t seq = found.column(1)->ValueAt(row).as_uint();
      const double distance = found.column(2)->ValueAt(row).as_double();
      ASSERT_TRUE(filter.matches(seq)) << filter.sql;
      ASSERT_FALSE(deleted_before.contains(id)) << "INSERT " << id << " was deleted";
      ASSERT_GE(distance, previous);
      ASSERT_NEAR(distance, Distance(VectorOf(id, seq), query), 1e-5);
      previous = distance;
    }
    ++searches_;
  }

  // Repeats `work` on a thread of its own until the time is up.
  void Repeat(std::function<void(std::mt19937_64&)> work) {
    threads_.emplace_back([this, work = std::move(work), seed = seed_ + threads_.size()] {
      std::mt19937_64 random(seed);
      while (steady_clock::now() < end_ && !HasFailure()) {
        try {
          work(random);
        } catch (const Error& error) {
          // OPTIMIZE and ALTER between SYSTEM STOP and START MERGES; everything else is a bug.
          EXPECT_EQ(error.code(), ErrorCode::kAborted) << error.what();
        }
      }
    });
  }

  void CheckEverything() {
    CheckWholeStatements();
    const Filter all = {"", [](uint64_t) { return true; }};
    EXPECT_EQ(db_.Number("SELECT count() FROM t"),
              CountRows(rows_of_, all) - CountRows(rows_deleted_of_, all));
    EXPECT_EQ(db_.Number("SELECT uniqExact(id) FROM t"), inserts_ - deletes_);
  }

  const uint64_t seed_ = SeedOfThisRun();
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, "GRANARY_SEED=" + std::to_string(seed_)};
  StressDatabase db_{2};
  const steady_clock::time_point end_ =
      steady_clock::now() + seconds(NumberFromEnvironment("GRANARY_STRESS_SECONDS", 3));
  std::array<uint64_t, kWriters> inserts_of_{};
  std::array<std::vector<std::pair<uint64_t, uint32_t>>, kWriters> live_of_;  // id and rows
  RowCounts rows_of_{};          // acknowledged, by seq % kResidues
  RowCounts rows_deleted_of_{};  // by deletes that have begun
  std::atomic<uint64_t> inserts_{0};
  std::atomic<uint64_t> deletes_{0};
  std::mutex deleted_mutex_;
  std::set<uint64_t> deleted_;  // ids, acknowledged
  std::atomic<uint64_t> whole_checks_{0};
  std::atomic<uint64_t> searches_{0};
  std::vector<std::thread> threads_;
};

TEST_F(MergeInsertStressTest, ReadersSeeWholeStatementsAndHonestSearches) {
  for (uint64_t writer = 0; writer < kWriters; ++writer) {
    Repeat([this, writer](std::mt19937_64& random) { Write(writer, random); });
  }
  Repeat([this](std::mt19937_64& random) { Maintain(random); });
  Repeat([this](std::mt19937_64&) { CheckWholeStatements(); });
  Repeat([this](std::mt19937_64& random) { CheckSearch(random); });
  for (std::thread& thread : threads_) thread.join();
  ASSERT_FALSE(HasFailure());

  CheckEverything();
  db_.Run("SYSTEM WAIT MERGES t");
  CheckEverything();
  EXPECT_GT(db_.Number("SELECT max(level) FROM system.parts WHERE active"), 0u);
  db_.Run("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(db_.Number("SELECT count() FROM system.parts WHERE active"), kBuckets);
  EXPECT_EQ(db_.Number("SELECT sum(dead_rows) FROM system.parts WHERE active"), 0u);
  EXPECT_THAT(db_.Explain("SELECT id FROM t ORDER BY L2Distance(v, [0, 0, 0, 0]) LIMIT 3"),
              HasSubstr("near"));
  db_.CutPower();
  CheckEverything();
  std::mt19937_64 random(seed_);
  for (int i = 0; i < 20; ++i) CheckSearch(random);
  EXPECT_GT(inserts_, 10u);
  EXPECT_GT(deletes_, 2u);
  EXPECT_GT(whole_checks_, 3u);
  EXPECT_GT(searches_, 23u);
  EXPECT_THAT(db_.warnings(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace granary
