// The exact scan keeps the rows that a sort of every distance would put first, with the same bits:
// over random vectors with ties, duplicates, zeros and lengths from tiny to huge, in several parts,
// for every function and element type, on one thread and two.
#include <algorithm>
#include <random>

#include "database_testing.h"
#include "granary/tests/random_seed.h"
#include "search_case.h"

namespace granary {
namespace {

constexpr size_t kRows = 3000;

class ExactScanTest : public ::testing::TestWithParam<SearchCase> {
 protected:
  // Rows are numbered in the order in which equal distances come.
  void SetUp() override {
    seed_ = granary::SeedOfThisRun();
    RecordProperty("seed", std::to_string(seed_));
    random_.seed(seed_);
    database_ = OpenInMemory();
    database_->Execute("CREATE TABLE t (id UInt32, v Array(" + std::string(GetParam().element) +
                       ")) ORDER BY id SETTINGS index_granularity = 100");
    for (size_t first = 0; first < kRows; first += kRows / 3) {
      std::string rows;
      for (size_t id = first; id < first + kRows / 3; ++id) {
        rows += "(" + std::to_string(id) + "," + VectorText() + ")";
      }
      database_->Execute("INSERT INTO t VALUES " + rows);
    }
  }

  // One in four is a vector seen before, one in twenty is zero, and the others are of any length.
  std::string VectorText() {
    if (!seen_.empty() && random_() % 4 == 0) return seen_[random_() % seen_.size()];
    constexpr const char* kScales[] = {"1e-15", "0.5", "1e0", "1e0", "1e0", "3e0", "1e15"};
    const std::string scale = random_() % 20 == 0 ? "0e0" : kScales[random_() % std::size(kScales)];
    std::string text = "[";
    for (size_t i = 0; i < dimensions_; ++i) {
      // Few different values, so that other vectors are as near by chance.
      const int value = static_cast<int>(random_() % 9) - 4;
      text += (i == 0 ? "" : ",") + std::to_string(value) + " * " + scale;
    }
    seen_.push_back(text + "]");
    return seen_.back();
  }

  std::string Rows(const std::string& query, const std::string& where, const std::string& order,
                   size_t limit, int threads) {
    return Query(*database_, "SELECT id, d FROM (SELECT id, " + std::string(GetParam().function) +
                                 "(v, " + query + ") AS d FROM t " + where + " " + order +
                                 " LIMIT " + std::to_string(limit) +
                                 ") SETTINGS max_threads = " + std::to_string(threads));
  }

  uint64_t seed_ = 0;
  std::mt19937 random_;
  size_t dimensions_ = 5;
  std::vector<std::string> seen_;
  std::unique_ptr<Database> database_;
};

TEST_P(ExactScanTest, KeepsWhatASortOfAllRowsPutsFirst) {
  const std::string direction = GetParam().direction;
  for (const char* where : {"", "WHERE id % 3 != 1", "WHERE id % 500 < 3"}) {
    for (const size_t limit : {1, 10, 700, 5000}) {
      const std::string query = "CAST(" + VectorText() + " AS Array(Float32))";
      const std::string sorted = Rows(query, where, "ORDER BY d " + direction + ", id", limit, 1);
      for (const int threads : {1, 2}) {
        EXPECT_EQ(Rows(query, where, "ORDER BY d " + direction, limit, threads), sorted)
            << query << where << " LIMIT " << limit << ", seed " << seed_;
      }
    }
  }
}

TEST_P(ExactScanTest, TheFirstOfTheseStatementsIsAScanForTheNearest) {
  EXPECT_NE(
      Query(*database_, "EXPLAIN SELECT id FROM t ORDER BY " + std::string(GetParam().function) +
                            "(v, [1., 2, 3, 4, 5]) " + GetParam().direction + " LIMIT 3")
          .find("Nearest neighbours: 3"),
      std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Scans, ExactScanTest,
                         ::testing::Values(SearchCase{"L2Distance", "ASC", "Float32"},
                                           SearchCase{"cosineDistance", "ASC", "Float32"},
                                           SearchCase{"dotProduct", "DESC", "Float32"},
                                           SearchCase{"L2SquaredDistance", "ASC", "Float32"},
                                           SearchCase{"L2Distance", "ASC", "Float64"},
                                           SearchCase{"cosineDistance", "ASC", "Float64"},
                                           SearchCase{"dotProduct", "DESC", "Float64"},
                                           SearchCase{"L2Distance", "ASC", "BFloat16"},
                                           SearchCase{"cosineDistance", "ASC", "BFloat16"},
                                           SearchCase{"dotProduct", "DESC", "BFloat16"}));

}  // namespace
}  // namespace granary
