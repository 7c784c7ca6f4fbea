// WHERE distance < r through the codes of an index: the rows, their order and everything computed
// from them are those of the plain scan.
#include <random>

#include "database_testing.h"
#include "granary/tests/random_seed.h"
#include "search_case.h"

namespace granary {
namespace {

constexpr size_t kDimensions = 16;

class DistanceRangeTest : public testing::TestWithParam<SearchCase> {
 protected:
  void SetUp() override {
    seed_ = SeedOfThisRun();
    random_.seed(seed_);
    database_ = OpenInMemory();
    database_->Execute("CREATE TABLE t (id UInt32, m UInt8, v Array(" +
                       std::string(GetParam().element) +
                       "), INDEX near v TYPE vector_similarity('hnsw', '" + GetParam().function +
                       "', 16, 'i8', 8, 32) GRANULARITY 8) ORDER BY m "
                       "SETTINGS index_granularity = 100, vector_index_min_rows_for_graph = 0");
    for (int part = 0; part < 3; ++part) {
      std::string rows;
      for (int row = 0; row < 1000; ++row) {
        const int id = part * 1000 + row;
        rows += "(" + std::to_string(id) + "," + std::to_string(id % 100) + "," +
                VectorText(row % 97 == 0 ? 40 : 1) + ")";
      }
      Session session(database_.get());
      session.Set("materialize_skip_indexes_on_insert", Value(uint64_t{part != 1}));
      session.Execute("INSERT INTO t VALUES " + rows);
    }
    database_->Execute("SYSTEM WARM INDEXES t");
  }

  std::string VectorText(float scale) {
    std::normal_distribution<float> normal;
    std::string text = "[";
    for (size_t i = 0; i < kDimensions; ++i) {
      text += (i == 0 ? "" : ",") + std::to_string(scale * normal(random_));
    }
    return text + "]";
  }

  // The distance of the count-th nearest row.
  std::string DistanceOf(const std::string& distance, int count) {
    std::string text =
        Query(*database_, "SELECT " + distance + " AS d FROM t ORDER BY d " + GetParam().direction +
                              " LIMIT 1 OFFSET " + std::to_string(count) +
                              " SETTINGS use_skip_indexes = 0");
    text.pop_back();
    return text;
  }

  uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::unique_ptr<Database> database_;
};

TEST_P(DistanceRangeTest, HasTheRowsOfThePlainScan) {
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed_));
  const std::string less = GetParam().direction == std::string("DESC") ? " > " : " < ";
  const std::string more = GetParam().direction == std::string("DESC") ? " <= " : " >= ";
  for (const bool has_deletes : {false, true}) {
    if (has_deletes) database_->Execute("DELETE FROM t WHERE id % 3 = 1");
    for (const int count : {0, 20, 1500}) {
      const std::string distance = std::string(GetParam().function) + "(v, " + VectorText(1) + ")";
      const std::string limit = DistanceOf(distance, count);
      for (const std::string& select :
           {"SELECT id, " + distance + " FROM t WHERE " + distance + less + limit,
            "SELECT id FROM t WHERE " + limit + more + distance + " AND m < 40",
            "SELECT id, m FROM t WHERE " + distance + less + limit + " ORDER BY m, id",
            "SELECT id FROM t WHERE " + distance + less + limit + " ORDER BY " + distance + " " +
                GetParam().direction,
            "SELECT count(), sum(id) FROM t WHERE " + distance + less.substr(0, 2) + "= " +
                limit}) {
        EXPECT_EQ(Query(*database_, select),
                  Query(*database_, select + " SETTINGS use_skip_indexes = 0"))
            << select;
      }
    }
  }
}

TEST_P(DistanceRangeTest, ExplainNamesTheIndex) {
  const bool descending = GetParam().direction == std::string("DESC");
  const std::string distance = std::string(GetParam().function) + "(v, " + VectorText(1) + ")";
  const auto plan_of = [&](const char* comparison, const std::string& settings) {
    return Query(*database_, "EXPLAIN SELECT id FROM t WHERE m > 3 AND " + distance + comparison +
                                 "0.5 SETTINGS " + settings);
  };
  const char* kText = "Range: rows beyond it are left out by the codes of index";
  EXPECT_NE(plan_of(descending ? ">" : "<", "max_threads = 1").find(kText), std::string::npos);
  EXPECT_EQ(plan_of(descending ? "<" : ">", "max_threads = 1").find(kText), std::string::npos);
  EXPECT_EQ(plan_of(descending ? ">" : "<", "use_skip_indexes = 0").find(kText), std::string::npos);
}

TEST_P(DistanceRangeTest, VectorsOfAnotherLengthAreRefusedAsInAScan) {
  EXPECT_EQ(FailureOf(*database_, "SELECT id FROM t WHERE " + std::string(GetParam().function) +
                                      "(v, [1., 2.]) < 1"),
            ErrorCode::kSizesOfArraysDontMatch);
}

INSTANTIATE_TEST_SUITE_P(Ranges, DistanceRangeTest,
                         ::testing::Values(SearchCase{"L2Distance", "ASC", "Float32"},
                                           SearchCase{"cosineDistance", "ASC", "Float32"},
                                           SearchCase{"dotProduct", "DESC", "Float32"},
                                           SearchCase{"L2Distance", "ASC", "Float64"}));

}  // namespace
}  // namespace granary
