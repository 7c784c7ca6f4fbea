// EXPLAIN says how a vector search runs, and why the index is not used where it is not.
#include "database_testing.h"

namespace granary {
namespace {

class ExplainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = OpenInMemory();
    database_->Execute(
        "CREATE TABLE t (id UInt32, v Array(Float32), w Array(Float32), "
        "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 2) GRANULARITY 2, "
        "INDEX dot v TYPE vector_similarity('hnsw', 'dotProduct', 2)) "
        "ORDER BY id SETTINGS index_granularity = 3, vector_index_min_rows_for_graph = 0");
    database_->Execute("INSERT INTO t SELECT number, [number, 1.5], [1., 2.] FROM numbers(12)");
  }

  std::string Plan(const std::string& query) {
    const Block lines = database_->Execute("EXPLAIN " + query).ReadAll();
    std::string text;
    for (size_t row = 0; row < lines.rows(); ++row) {
      text += lines.column(0)->ValueAt(row).as_string() + "\n";
    }
    return text;
  }

  void ExpectUsed(const std::string& tail, const std::string& index = "near") {
    const std::string plan = Plan("SELECT id FROM t " + tail);
    EXPECT_NE(plan.find("Vector index: " + index), std::string::npos) << tail << "\n" << plan;
  }

  void ExpectUnused(const std::string& select, const std::string& reason) {
    const std::string plan = Plan(select);
    EXPECT_NE(plan.find("Vector index: not used, " + reason), std::string::npos) << select << "\n"
                                                                                 << plan;
  }

  std::unique_ptr<Database> database_;
};

TEST_F(ExplainTest, TheIndexIsUsedForEveryFormOfASearch) {
  ExpectUsed("ORDER BY L2Distance(v, [0., 2.]) LIMIT 3");
  ExpectUsed("ORDER BY L2Distance([0., 2.], v) LIMIT 3");
  ExpectUsed("ORDER BY distanceL2(v, [0., 2.]) LIMIT 3");
  ExpectUsed("ORDER BY L2Distance(v, [0, 2]) ASC LIMIT 3");
  ExpectUsed("ORDER BY L2Distance(v, [0., 2.]) LIMIT 3 OFFSET 2");
  ExpectUsed("WHERE L2Distance(v, [0., 2.]) <= 5 ORDER BY L2Distance(v, [0., 2.]) LIMIT 3");
  ExpectUsed(
      "WHERE 5 > L2Distance(v, [0., 2.]) AND id > 3 ORDER BY L2Distance(v, [0., 2.]) LIMIT 3");
  ExpectUsed("WHERE dotProduct(v, [0., 2.]) > 1 ORDER BY dotProduct(v, [0., 2.]) DESC LIMIT 3",
             "dot");
  ExpectUsed("WHERE id > 3 ORDER BY L2Distance(v, [0., 2.]) LIMIT 3");
  ExpectUsed("PREWHERE id > 3 ORDER BY L2Distance(v, [0., 2.]) LIMIT 3");
  ExpectUsed("ORDER BY dotProduct(v, [0., 2.]) DESC LIMIT 3", "dot");
  EXPECT_NE(Plan("SELECT id, L2Distance(v, [0., 2.]) AS d FROM t ORDER BY d LIMIT 3")
                .find("Vector index: near"),
            std::string::npos);
  EXPECT_NE(Plan("SELECT id, L2Distance(v, [0., 2.]) FROM t ORDER BY 2 LIMIT 3")
                .find("Vector index: near"),
            std::string::npos);
  EXPECT_NE(Plan("WITH [0., 2.] AS q SELECT id FROM (SELECT id FROM t ORDER BY L2Distance(v, q) "
                 "LIMIT 3) ORDER BY id DESC")
                .find("Vector index: near"),
            std::string::npos);
}

TEST_F(ExplainTest, TheReasonIsNamedWhereItIsNot) {
  const std::string select = "SELECT id FROM t ORDER BY ";
  ExpectUnused(select + "L2Distance(v, [0., 2.]) DESC LIMIT 3", "DESC asks");
  ExpectUnused(select + "dotProduct(v, [0., 2.]) LIMIT 3", "dotProduct is searched with DESC");
  ExpectUnused(select + "L2Distance(v, [0., 2.]), id LIMIT 3", "ORDER BY has more than one key");
  ExpectUnused(select + "L2Distance(v, [0., 2.])", "there is no LIMIT");
  ExpectUnused(select + "L2Distance(v, [0., 2.]) LIMIT 1001", "LIMIT + OFFSET is 1001");
  ExpectUnused(select + "L2Distance(v, [0., 2.]) LIMIT 3 WITH TIES", "WITH TIES");
  ExpectUnused(select + "L2Distance(v, [0., 2.]) LIMIT 1 BY id LIMIT 3", "LIMIT BY");
  ExpectUnused("SELECT DISTINCT id FROM t ORDER BY L2Distance(v, [0., 2.]) LIMIT 3", "DISTINCT");
  ExpectUnused("SELECT count() FROM t GROUP BY id, v ORDER BY L2Distance(v, [0., 2.]) LIMIT 3",
               "the same SELECT aggregates");
  ExpectUnused(select + "L2Distance(v, w) LIMIT 3", "the distance is not that of a vector column");
  ExpectUnused(select + "1 - L2Distance(v, [0., 2.]) LIMIT 3", "ORDER BY is an expression around");
  ExpectUnused(select + "L2SquaredDistance(v, [0., 2.]) LIMIT 3",
               "index 'near' searches L2Distance");
  ExpectUnused(select + "cosineDistance(v, [0., 2.]) LIMIT 3", "index 'near' searches L2Distance");
  ExpectUnused(select + "L2Distance(w, [0., 2.]) LIMIT 3", "index 'near' is over column 'v'");
  ExpectUnused("SELECT id, L2Distance(v, [0., 2.]) AS d FROM t WHERE d > 5 ORDER BY d LIMIT 3",
               "WHERE reads the vector column");
  ExpectUnused(
      "SELECT id FROM t WHERE L2Distance(v, [1., 2.]) < 5 "
      "ORDER BY L2Distance(v, [0., 2.]) LIMIT 3",
      "WHERE reads the vector column");
  ExpectUnused(select + "L2Distance(v, [0., 2.]) LIMIT 3 SETTINGS use_skip_indexes = 0",
               "index 'near' is switched off");
  ExpectUnused(
      select + "L2Distance(v, [0., 2.]) LIMIT 3 SETTINGS query_plan_try_use_vector_search = 0",
      "query_plan_try_use_vector_search is 0");
}

TEST_F(ExplainTest, IndexesAreCountedAsInClickHouse) {
  EXPECT_EQ(Query(*database_,
                  "EXPLAIN indexes = 1 SELECT id FROM t WHERE id >= 6 "
                  "ORDER BY L2Distance(v, [7., 1.5]) LIMIT 1 "
                  "SETTINGS vector_search_filter_strategy = 'postfilter', "
                  "hnsw_candidate_list_size_for_search = 1"),
            "Expression (Projection)\n"
            "  Limit\n"
            "    Expression (Before ORDER BY)\n"
            "      ReadFromMergeTree (default.t)\n"
            "      Nearest neighbours: 1 by L2Distance(v, [7., 1.5])\n"
            "      Filter column: greaterOrEquals(id, 6)\n"
            "      Vector index: near\n"
            "      Strategy: sub-indexes searched, WHERE evaluated for 5 rows that they came to\n"
            "      Exact scan: WHERE is true for few rows near the query (1)\n"
            "      Candidates: 1 rows of 2 sub-indexes, candidate granules: 1\n"
            "      Indexes:\n"
            "        PrimaryKey\n"
            "          Condition: id\n"
            "          Parts: 1/1\n"
            "          Granules: 3/4\n"
            "        Skip\n"
            "          Name: near\n"
            "          Description: vector_similarity GRANULARITY 2\n"
            "          Parts: 1/1\n"
            "          Granules: 3/3\n"
            "        Ranges: 1\n");
}

TEST_F(ExplainTest, IsATableToo) {
  EXPECT_EQ(
      Query(*database_, "SELECT count() FROM (EXPLAIN SELECT 1) WHERE explain LIKE '%System%'"),
      "1\n");
  EXPECT_EQ(Query(*database_, "EXPLAIN SYNTAX SELECT 1+2 AS x"), "SELECT 1 + 2 AS x\n");
  EXPECT_EQ(FailureOf(*database_, "EXPLAIN nope = 1 SELECT 1"), ErrorCode::kUnknownSetting);
  EXPECT_EQ(FailureOf(*database_, "EXPLAIN json = 1 SELECT 1"), ErrorCode::kNotImplemented);
}

TEST_F(ExplainTest, OptionsAreFlags) {
  EXPECT_EQ(Query(*database_, "EXPLAIN description = 0, indexes = 0, json = 0 SELECT id FROM t"),
            "Expression\n"
            "  Expression\n"
            "    ReadFromMergeTree\n");
  EXPECT_EQ(Query(*database_, "EXPLAIN description = 1 SELECT id FROM t"),
            Query(*database_, "EXPLAIN SELECT id FROM t"));
  for (const char* option : {"indexes = 'yes'", "indexes = 2", "description = 'x'", "json = 'x'",
                             "actions = 0.5", "header = -1"}) {
    EXPECT_EQ(FailureOf(*database_, std::string("EXPLAIN ") + option + " SELECT 1"),
              ErrorCode::kInvalidSettingValue)
        << option;
  }
}

TEST_F(ExplainTest, ForcedIndexesMustBeUsed) {
  EXPECT_EQ(FailureOf(*database_, "SELECT id FROM t SETTINGS force_data_skipping_indices = 'near'"),
            ErrorCode::kIndexNotUsed);
  EXPECT_EQ(FailureOf(*database_,
                      "SELECT id FROM t ORDER BY L2Distance(v, [0., 1.]) LIMIT 1 "
                      "SETTINGS force_data_skipping_indices = 'near'"),
            std::nullopt);
}

}  // namespace
}  // namespace granary
