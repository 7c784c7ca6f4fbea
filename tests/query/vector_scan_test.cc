// Exact searches that read codes first: the same rows and the same bits as the scan of the column,
// over several parts, filters, deleted rows, ties and limits. And which searches are made so.
#include "coded_search_fixture.h"

namespace granary {
namespace {

class VectorScanTest : public CodedSearchTest {
 protected:
  VectorScanTest() : CodedSearchTest(/*all_indexed=*/true) {}

  std::string Select(const std::string& query, const std::string& where, int limit,
                     const std::string& settings) const {
    return "SELECT id, " + std::string(GetParam().function) + "(v, " + query + ") AS d FROM t " +
           where + " ORDER BY d " + GetParam().direction + " LIMIT " + std::to_string(limit) +
           " SETTINGS " + settings;
  }
};

TEST_P(VectorScanTest, GivesTheBitsOfThePlainScan) {
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed_));
  for (const bool has_deletes : {false, true}) {
    if (has_deletes) database_->Execute("DELETE FROM t WHERE id % 3 = 1");
    for (const char* where : {"", "WHERE m < 30", "WHERE id % 40 = 7", "WHERE id = 77"}) {
      for (const int limit : {1, 10, 700}) {
        const std::string query = VectorText(1);
        EXPECT_EQ(Query(*database_, Select(query, where, limit, "vector_search_method = 'scan'")),
                  Query(*database_, Select(query, where, limit, "use_skip_indexes = 0")))
            << where << " LIMIT " << limit;
      }
    }
  }
}

TEST_P(VectorScanTest, ReadsCodesFirst) {
  const std::string plan =
      Query(*database_, "EXPLAIN indexes = 1 " +
                            Select(VectorText(1), "", 10, "vector_search_method = 'scan'"));
  EXPECT_NE(plan.find("exact scan of 4500 rows, 4500 of them first by their codes"),
            std::string::npos)
      << plan;
  EXPECT_NE(plan.find("a scan costs less than the graph"), std::string::npos) << plan;
}

TEST_P(VectorScanTest, TheCheaperMethodIsTakenUnlessOneIsForced) {
  // One graph over all rows: of several, each has to be walked some way.
  database_->Execute("CREATE TABLE one (id UInt32, m UInt8, v Array(" +
                     std::string(GetParam().element) +
                     "), INDEX near v TYPE vector_similarity('hnsw', '" + GetParam().function +
                     "', 16, 'i8', 8, 32)) ORDER BY id");
  database_->Execute("INSERT INTO one SELECT id, m, v FROM t");
  const auto plan_of = [&](const std::string& where, const std::string& settings) {
    std::string select = Select(VectorText(1), where, 1, settings);
    select.replace(select.find("FROM t"), 6, "FROM one");
    return Query(*database_, "EXPLAIN indexes = 1 " + select);
  };
  EXPECT_NE(plan_of("", "vector_search_method = 'auto'").find("a scan costs less"),
            std::string::npos);
  const std::string narrow =
      "vector_search_method = 'auto', hnsw_candidate_list_size_for_search = 1";
  EXPECT_NE(plan_of("", narrow).find("Strategy: sub-indexes searched"), std::string::npos);
  EXPECT_NE(plan_of("WHERE id = 5", narrow).find("few rows match WHERE"), std::string::npos);
  EXPECT_NE(plan_of("WHERE id = 5", "vector_search_method = 'graph'")
                .find("sub-indexes searched among the rows"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Searches, VectorScanTest,
                         ::testing::Values(SearchCase{"L2Distance", "ASC", "Float32"},
                                           SearchCase{"cosineDistance", "ASC", "Float32"},
                                           SearchCase{"dotProduct", "DESC", "Float32"},
                                           SearchCase{"L2Distance", "ASC", "Float64"},
                                           SearchCase{"cosineDistance", "ASC", "BFloat16"},
                                           SearchCase{"dotProduct", "DESC", "Float64"}));

}  // namespace
}  // namespace granary
