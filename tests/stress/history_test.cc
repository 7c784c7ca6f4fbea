// Checks what sessions see of each other against what a history of whole statements allows, while
// rows are inserted, updated, deleted and merged, indexes come and go and statements are killed:
// statements are seen whole, one query sees one state, a writer sees what it wrote, and nobody ever
// goes back to an earlier state.
//
// GRANARY_STRESS_SECONDS makes it longer.
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "granary/tests/stress/stress_database.h"

namespace granary {
namespace {

using granary::testing::StressDatabase;

constexpr uint64_t kWriters = 2;
constexpr uint64_t kRowsOfBlock = 7;
constexpr uint64_t kBlocksKept = 5;  // later ones push earlier ones out

class History {
 public:
  void Run() {
    db_.Run(
        "CREATE TABLE t (writer UInt8, block UInt64, version UInt64, k UInt64, v Array(Float32), "
        "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 2)) ENGINE = MergeTree "
        "PARTITION BY writer ORDER BY block SETTINGS index_granularity = 8, "
        "vector_index_min_rows_for_graph = 0");
    const auto end = std::chrono::steady_clock::now() +
                     std::chrono::seconds(NumberFromEnvironment("GRANARY_STRESS_SECONDS", 3));
    std::vector<std::thread> threads;
    for (uint64_t writer = 0; writer < kWriters; ++writer) {
      threads.emplace_back([this, writer] { Repeat([&] { Write(writer); }); });
    }
    for (int reader = 0; reader < 2; ++reader) {
      threads.emplace_back([this] { ReadHistory(); });
    }
    threads.emplace_back([this] { Repeat([&] { db_.Run("OPTIMIZE TABLE t FINAL"); }); });
    threads.emplace_back([this] { Repeat([&] { ChangeIndexes(); }); });
    threads.emplace_back([this] { Repeat([&] { Kill(); }); });
    while (std::chrono::steady_clock::now() < end && !::testing::Test::HasFailure()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    is_over_ = true;
    for (std::thread& thread : threads) thread.join();
    std::printf("%llu statements written, %llu histories read, %llu killed\n",
                static_cast<unsigned long long>(written_.load()),
                static_cast<unsigned long long>(read_.load()),
                static_cast<unsigned long long>(killed_.load()));
    EXPECT_GT(written_, 10u);
    EXPECT_GT(read_, 5u);
  }

 private:
  template <class Step>
  void Repeat(const Step& step) {
    while (!is_over_) {
      try {
        step();
      } catch (const Error& error) {
        const bool is_expected = error.code() == ErrorCode::kQueryWasCancelled ||
                                 error.code() == ErrorCode::kTableIsReadOnly;
        if (!is_expected) ADD_FAILURE() << error.what();
      }
    }
  }

  std::string Own(uint64_t writer) { return " WHERE writer = " + std::to_string(writer); }

  // One block more, seen at once; its version goes up, seen at once; the oldest goes, seen at once.
  // A statement that is killed has not happened, and is done again.
  void Write(uint64_t writer) {
    uint64_t& block = next_block_[writer];
    const std::string is_block = Own(writer) + " AND block = " + std::to_string(block);
    Insist([&] {
      db_.Run("INSERT INTO t SELECT " + std::to_string(writer) + ", " + std::to_string(block) +
              ", 0, number, [toFloat32(number), 1.] FROM numbers(" + std::to_string(kRowsOfBlock) +
              ")");
    });
    EXPECT_EQ(Number("SELECT count() FROM t" + is_block), kRowsOfBlock);
    Insist([&] { db_.Run("ALTER TABLE t UPDATE version = version + 1" + is_block); });
    EXPECT_EQ(Number("SELECT sum(version) FROM t" + is_block), kRowsOfBlock);
    if (block >= kBlocksKept) {
      const std::string is_old =
          Own(writer) + " AND block = " + std::to_string(block - kBlocksKept);
      Insist([&] { db_.Run("DELETE FROM t" + is_old); });
      EXPECT_EQ(Number("SELECT count() FROM t" + is_old), 0u);
    }
    ++block;
    written_ += 3;
  }

  // A killed statement has not happened.
  template <class Statement>
  void Insist(const Statement& statement) {
    for (;;) {
      try {
        return statement();
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kQueryWasCancelled) throw;
      }
    }
  }

  uint64_t Number(const std::string& sql) {
    uint64_t number = 0;
    Insist([&] { number = db_.Number(sql); });
    return number;
  }

  void ReadHistory() {
    uint64_t last[kWriters] = {};
    Repeat([&] {
      const Block rows = db_.Rows(
          "SELECT writer, max(block) AS last, min(block) AS first, count() AS c, "
          "uniqExact(block) AS blocks, max(version) AS version, (SELECT count() FROM t) AS total, "
          "(SELECT count() FROM (SELECT k FROM t ORDER BY L2Distance(v, [1., 1.]) LIMIT 100000)) "
          "AS "
          "searched FROM t GROUP BY writer");
      uint64_t total = 0;
      for (size_t row = 0; row < rows.rows(); ++row) {
        const auto value = [&](const char* name) { return rows.Get(name)->ValueAt(row).as_uint(); };
        EXPECT_EQ(value("c"), value("blocks") * kRowsOfBlock) << "a statement is seen in part";
        EXPECT_EQ(value("last") - value("first") + 1, value("blocks")) << "a block is missing";
        EXPECT_LE(value("blocks"), kBlocksKept + 1);
        EXPECT_LE(value("version"), 1u) << "an UPDATE happened twice";
        EXPECT_EQ(value("searched"), value("total")) << "two states in one query";
        uint64_t& seen = last[value("writer")];
        EXPECT_GE(value("last"), seen) << "back to an earlier state";
        seen = value("last");
        total += value("c");
      }
      if (rows.rows() > 0) {
        EXPECT_EQ(total, rows.Get("total")->ValueAt(0).as_uint()) << "two states in one query";
      }
      ++read_;
    });
  }

  void ChangeIndexes() {
    db_.Run("ALTER TABLE t ADD INDEX least k TYPE minmax GRANULARITY 1");
    Insist([&] { db_.Run("ALTER TABLE t MATERIALIZE INDEX least"); });
    Insist([&] { db_.Run("ALTER TABLE t DROP INDEX least"); });
  }

  void Kill() {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    killed_ +=
        db_.Rows("KILL QUERY WHERE query LIKE 'ALTER%UPDATE%' OR query LIKE 'INSERT%'").rows();
  }

  StressDatabase db_{3};
  std::atomic<bool> is_over_{false};
  uint64_t next_block_[kWriters] = {};
  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> read_{0};
  std::atomic<uint64_t> killed_{0};
};

TEST(HistoryTest, EverySessionSeesAHistoryOfWholeStatements) { History().Run(); }

}  // namespace
}  // namespace granary
