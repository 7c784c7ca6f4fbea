// ORDER BY ... LIMIT k of a table: the same rows in the same order as a sort of everything.
#include <random>

#include <fmt/format.h>

#include "database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

class TopRowsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    seed_ = SeedOfThisRun();
    random_.seed(seed_);
    database_ = OpenInMemory();
    database_->Execute(
        "CREATE TABLE t (k Int32, f Float64, s String, n UInt8, v Array(Float32), b String) ORDER "
        "BY "
        "(k, n) SETTINGS index_granularity = 16");
    database_->Execute(
        "CREATE TABLE u (f Float64, s String, k Int32, n UInt8, v Array(Float32), b String) ORDER "
        "BY "
        "f PARTITION BY n % 3 SETTINGS index_granularity = 16");
    database_->Execute(
        "CREATE TABLE w (s String, f Float64, k Int32, n UInt8, v Array(Float32), b String) ORDER "
        "BY "
        "s SETTINGS index_granularity = 16");
    for (int part = 0; part < 5; ++part) {
      const int shift = static_cast<int>(random_() % 500);
      for (const char* table : {"t", "u", "w"}) {
        database_->Execute(fmt::format(
            "INSERT INTO {} (k, f, s, n, v, b) SELECT xxHash64(number + {}) % 300 - {}, number % 7 "
            "= "
            "0 ? nan : (xxHash64(number) % 100) / 4 - 9, concat('prefix__', "
            "toString(xxHash64(number "
            "+ {}) % 50)), number % 5, [number, 1], repeat('x', number % 9) FROM numbers({})",
            table, shift, shift, shift, 100 + random_() % 700));
      }
    }
    for (const char* table : {"t", "u", "w"}) {
      database_->Execute(fmt::format("DELETE FROM {} WHERE k % 11 = 3", table));
    }
  }

  uint64_t seed_ = 0;
  std::mt19937 random_;
  std::unique_ptr<Database> database_;
};

TEST_F(TopRowsTest, AreThoseOfASortOfEverything) {
  const char* kKeys[] = {
      "k", "k DESC",       "f",    "f DESC",    "f NULLS FIRST", "f DESC NULLS FIRST",
      "s", "s DESC",       "n, k", "k, s DESC", "k % 7, f DESC", "length(b), k",
      "v", "s, n DESC, f", "k + n"};
  for (const char* table : {"t", "u", "w"}) {
    for (const char* key : kKeys) {
      for (const char* where :
           {"", "WHERE n = 2", "WHERE k > 100 AND f > 0", "WHERE k = -1000000"}) {
        for (const char* limit : {"1", "3", "10 OFFSET 5", "0", "700"}) {
          const std::string select =
              fmt::format("SELECT k, f, s, n, b, v[1] FROM {} {} ORDER BY {}", table, where, key);
          const std::string sorted =
              fmt::format("SELECT * FROM ({} LIMIT 100000) LIMIT {}", select, limit);
          ASSERT_EQ(Query(*database_, select + " LIMIT " + limit), Query(*database_, sorted))
              << select << " LIMIT " << limit << " seed " << seed_;
        }
      }
    }
  }
}

TEST_F(TopRowsTest, ReadLittleInTheOrderOfTheKey) {
  database_->Execute(
      "CREATE TABLE big (id UInt64, x UInt64, s String) ORDER BY id SETTINGS "
      "index_granularity = 128");
  database_->Execute(
      "INSERT INTO big SELECT number, xxHash64(number), 'text' FROM numbers(100000)");
  for (const char* order : {"id", "id DESC"}) {
    const std::string sql = fmt::format("SELECT * FROM big ORDER BY {} LIMIT 5", order);
    Result result = database_->Execute(sql);
    EXPECT_EQ(result.ReadAll().rows(), 5u);
    EXPECT_LT(result.progress().rows_done, 2000u) << order;
    EXPECT_NE(Query(*database_, "EXPLAIN actions = 1 " + sql).find("in the order of the table"),
              std::string::npos);
  }
}

TEST_F(TopRowsTest, WhatChangesFromRowToRowIsComputedOnce) {
  const std::string text =
      Query(*database_,
            "SELECT r1 = r2 FROM (SELECT rand() AS r1, r1 AS r2 FROM t ORDER BY r1 LIMIT 20)");
  EXPECT_EQ(text.find('0'), std::string::npos) << text;
}

}  // namespace
}  // namespace granary
