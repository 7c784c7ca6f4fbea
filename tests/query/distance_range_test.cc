// WHERE distance < r through the codes of an index: the rows, their order and everything computed
// from them are those of the plain scan.
#include "coded_search_fixture.h"

namespace granary {
namespace {

class DistanceRangeTest : public CodedSearchTest {
 protected:
  DistanceRangeTest() : CodedSearchTest(/*all_indexed=*/false) {}

  // The distance of the count-th nearest row.
  std::string DistanceOf(const std::string& distance, int count) {
    std::string text =
        Query(*database_, "SELECT " + distance + " AS d FROM t ORDER BY d " + GetParam().direction +
                              " LIMIT 1 OFFSET " + std::to_string(count) +
                              " SETTINGS use_skip_indexes = 0");
    text.pop_back();
    return text;
  }
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

// What the graphs do not find is looked for by the codes, not in the vectors of all rows.
TEST_P(DistanceRangeTest, ASearchThatReachesBeyondItGoesOnByTheCodes) {
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed_));
  const std::string less = GetParam().direction == std::string("DESC") ? " >= " : " <= ";
  for (const char* filter : {"", "m < 60 AND "}) {
    for (const char* settings :
         {"vector_search_method = 'graph'",
          "vector_search_method = 'graph', vector_search_filter_strategy = 'postfilter'"}) {
      const std::string distance = std::string(GetParam().function) + "(v, " + VectorText(1) + ")";
      const std::string search = "SELECT id, " + distance + " AS d FROM t WHERE " + filter + "d" +
                                 less + DistanceOf(distance, 30) + " ORDER BY d " +
                                 GetParam().direction + " LIMIT 40 SETTINGS ";
      EXPECT_EQ(Query(*database_, search + settings),
                Query(*database_, search + "use_skip_indexes = 0"));
      const std::string plan = Query(*database_, "EXPLAIN indexes = 1 " + search + settings);
      EXPECT_NE(plan.find("reached beyond the range"), std::string::npos) << plan;
      // Two of three parts have codes.
      EXPECT_NE(plan.find("of them first by their codes"), std::string::npos) << plan;
      EXPECT_EQ(plan.find("sub-indexes searched"), std::string::npos) << plan;
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
