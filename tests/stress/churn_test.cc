// Rows that come and go leave nothing behind: after ten times the table's rows have been replaced,
// OPTIMIZE leaves files of hardly more than the live rows take in a new table.
#include <gtest/gtest.h>

#include "granary/tests/stress/stress_database.h"

namespace granary {
namespace {

using granary::testing::StressDatabase;

constexpr uint64_t kRows = 2000;

void CreateTable(StressDatabase& db) {
  db.Run(
      "CREATE TABLE t (id UInt64, generation UInt32, v Array(Float32), "
      "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 16)) "
      "ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 256, "
      "vector_index_min_rows_for_graph = 0, min_bytes_for_wide_part = 100000");
}

void Insert(StressDatabase& db, uint64_t generation, uint64_t first, uint64_t rows) {
  db.Run("INSERT INTO t SELECT number, " + std::to_string(generation) +
         ", arrayMap(i -> toFloat32(sipHash64(number * 1000 + i * 10 + " +
         std::to_string(generation) + ") % 1000), range(16)) FROM numbers(" +
         std::to_string(first) + ", " + std::to_string(rows) + ")");
}

TEST(ChurnTest, TenTimesTheRowsLeaveTheSpaceOfOne) {
  StressDatabase fresh(2);
  CreateTable(fresh);
  Insert(fresh, 10, 0, kRows);
  fresh.Run("OPTIMIZE TABLE t FINAL");

  StressDatabase db(2);
  CreateTable(db);
  Insert(db, 0, 0, kRows);
  for (uint64_t generation = 1; generation <= 10; ++generation) {
    for (uint64_t first = 0; first < kRows; first += kRows / 4) {
      db.Run("DELETE FROM t WHERE id >= " + std::to_string(first) + " AND id < " +
             std::to_string(first + kRows / 4));
      Insert(db, generation, first, kRows / 4);
    }
    ASSERT_EQ(db.Number("SELECT count() FROM t"), kRows);
    ASSERT_EQ(db.Number("SELECT min(generation) FROM t"), generation);
  }
  db.Run("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(db.Number("SELECT sum(rows) FROM system.parts"), kRows);
  EXPECT_LE(static_cast<double>(db.used_bytes()), 1.2 * static_cast<double>(fresh.used_bytes()));
}

// Also where that leaves one part, of which fewer rows are dead than the background minds.
TEST(ChurnTest, OptimizeRewritesASinglePartOfWhichATenthIsDead) {
  StressDatabase db(2);
  CreateTable(db);
  Insert(db, 0, 0, kRows);
  const uint64_t full = db.used_bytes();
  db.Run("DELETE FROM t WHERE id % 20 = 0");
  db.Run("OPTIMIZE TABLE t");
  EXPECT_EQ(db.Number("SELECT sum(dead_rows) FROM system.parts"), kRows / 20) << "not worth it";
  db.Run("DELETE FROM t WHERE id % 100 < 13");
  db.Run("SYSTEM WAIT MERGES t");
  const uint64_t live = db.Number("SELECT count() FROM t");
  ASSERT_EQ(live, kRows * 83 / 100);
  ASSERT_EQ(db.Number("SELECT sum(rows) FROM system.parts"), kRows);
  db.Run("OPTIMIZE TABLE t");
  EXPECT_EQ(db.Number("SELECT sum(rows) FROM system.parts"), live);
  EXPECT_LE(static_cast<double>(db.used_bytes()), 1.2 * 0.83 * static_cast<double>(full));
}

// Parts that are mostly dead are rewritten without OPTIMIZE.
TEST(ChurnTest, DeadRowsGoByThemselves) {
  StressDatabase db(2);
  CreateTable(db);
  Insert(db, 0, 0, kRows);
  const uint64_t full = db.used_bytes();
  db.Run("DELETE FROM t WHERE id % 10 = 0");
  db.Run("SYSTEM WAIT MERGES t");
  EXPECT_EQ(db.Number("SELECT sum(dead_rows) FROM system.parts"), kRows / 10);
  db.Run("DELETE FROM t WHERE id % 10 < 9");
  db.Run("SYSTEM WAIT MERGES t");
  EXPECT_EQ(db.Number("SELECT sum(rows) FROM system.parts"), kRows / 10);
  EXPECT_EQ(db.Number("SELECT count() FROM t"), kRows / 10);
  EXPECT_LT(db.used_bytes(), full / 4);
  db.Run("DELETE FROM t WHERE 1");
  db.Run("SYSTEM WAIT MERGES t");
  EXPECT_EQ(db.Number("SELECT count() FROM system.parts"), 0u);
}

}  // namespace
}  // namespace granary
