// What EXPLAIN RECALL says is what two searches, as planned and exact, show.
#include "granary/query/recall.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

RankedRow RowAt(uint32_t row, double distance) {
  return {
      .code = static_cast<uint64_t>(distance * 1000), .part = 0, .row = row, .distance = distance};
}

using Flags = std::vector<bool>;

TEST(Recall, RowsAtTheLastDistanceStandForEachOther) {
  const std::vector<RankedRow> exact = {RowAt(1, 1), RowAt(2, 2), RowAt(3, 3), RowAt(4, 3)};
  EXPECT_EQ(FindExactRows(exact, exact), Flags({true, true, true, true}));
  // Rows 7 and 8 are as near as 3 and 4.
  const std::vector<RankedRow> tied = {RowAt(1, 1), RowAt(2, 2), RowAt(7, 3), RowAt(8, 3)};
  EXPECT_EQ(FindExactRows(tied, exact), Flags({true, true, true, true}));
  const std::vector<RankedRow> one_tied = {RowAt(2, 2), RowAt(4, 3), RowAt(8, 3), RowAt(9, 4)};
  EXPECT_EQ(FindExactRows(one_tied, exact), Flags({false, true, true, true}));
  const std::vector<RankedRow> farther = {RowAt(1, 1), RowAt(4, 3), RowAt(9, 4), RowAt(10, 4)};
  EXPECT_EQ(FindExactRows(farther, exact), Flags({true, false, false, true}));
  EXPECT_EQ(FindExactRows({}, exact), Flags({false, false, false, false}));
  EXPECT_EQ(FindExactRows(exact, {}), Flags());
}

TEST(Recall, CountsOverSearches) {
  const std::vector<RankedRow> exact = {RowAt(1, 1), RowAt(2, 2), RowAt(3, 4)};
  RecallCounter recall(DistanceFunction::kL2);
  EXPECT_EQ(recall.recall(), 1);
  recall.Add(exact, exact);
  EXPECT_EQ(recall.first_difference(), std::nullopt);
  EXPECT_EQ(recall.largest_deviation(), 1);
  recall.Add(std::vector<RankedRow>{RowAt(1, 1), RowAt(3, 4), RowAt(5, 6)}, exact);
  EXPECT_EQ(recall.hits(), 5u);
  EXPECT_EQ(recall.recall(), 5. / 6);
  EXPECT_EQ(recall.first_difference(), 2u);
  EXPECT_EQ(recall.largest_deviation(), 2);
  recall.Add({}, exact);
  EXPECT_EQ(recall.recall(), 5. / 9);
  EXPECT_EQ(recall.first_difference(), 1u);

  RecallCounter products(DistanceFunction::kDotProduct);
  products.Add(std::vector<RankedRow>{RowAt(1, -3)}, std::vector<RankedRow>{RowAt(2, 2)});
  EXPECT_EQ(products.largest_deviation(), 5);
  RecallCounter zero(DistanceFunction::kL2);
  zero.Add(std::vector<RankedRow>{RowAt(1, 3)}, std::vector<RankedRow>{RowAt(2, 0)});
  EXPECT_EQ(zero.largest_deviation(), std::numeric_limits<double>::infinity());
}

class ExplainRecallTest : public ::testing::Test {
 protected:
  // Two parts, a graph of few links each, so that narrow searches miss rows.
  void SetUp() override {
    seed_ = SeedOfThisRun();
    random_.seed(seed_);
    database_ = OpenInMemory();
    database_->Execute(
        "CREATE TABLE t (id UInt64, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'L2Distance', 16, 'f32', 4, 8)) ORDER BY id "
        "SETTINGS index_granularity = 64, vector_index_min_rows_for_graph = 0");
    for (int part = 0; part < 2; ++part) {
      std::string rows;
      for (int row = 0; row < 400; ++row) {
        rows += fmt::format("({},{})", part * 400 + row, VectorText());
      }
      database_->Execute("INSERT INTO t VALUES " + rows);
    }
  }

  std::string VectorText() {
    std::normal_distribution<float> normal;
    std::vector<float> vector(16);
    for (float& x : vector) x = normal(random_);
    return fmt::format("[{}]", fmt::join(vector, ","));
  }

  std::vector<std::string> Ids(const std::string& search, const std::string& settings) {
    std::vector<std::string> ids;
    const Block block = database_->Execute(search + " SETTINGS " + settings).ReadAll();
    for (size_t row = 0; row < block.rows(); ++row) {
      ids.push_back(std::to_string(block.column(0)->ValueAt(row).as_uint()));
    }
    return ids;
  }

  uint64_t seed_ = 0;
  std::mt19937 random_;
  std::unique_ptr<Database> database_;
};

TEST_F(ExplainRecallTest, SaysWhatTheTwoSearchesFind) {
  bool was_perfect = false;
  bool was_not = false;
  for (int run = 0; run < 60; ++run) {
    const int k = 1 + run % 10;
    const std::string search =
        "SELECT id FROM t " + std::string(run % 3 == 0 ? "" : "WHERE id > 9") +
        " ORDER BY L2Distance(v, " + VectorText() + ") LIMIT " + std::to_string(k);
    const std::string beam = fmt::format(
        "hnsw_candidate_list_size_for_search = {}, "
        "vector_search_filter_strategy = 'postfilter'",
        run % 2 == 0 ? 1 : 800);
    const std::vector<std::string> found = Ids(search, beam);
    const std::vector<std::string> exact = Ids(search, "use_skip_indexes = 0");
    size_t hits = 0;
    for (const std::string& id : exact) hits += std::count(found.begin(), found.end(), id);
    const auto differs = std::mismatch(found.begin(), found.end(), exact.begin()).first;
    const std::string text = Query(*database_, "EXPLAIN RECALL " + search + " SETTINGS " + beam);
    const std::string expected = fmt::format(
        "Rows asked: {}\nRows returned: {} as planned, {} exactly\nRecall@{}: {:.6g}\n"
        "Nearest rows missing: {}\nFirst rank that differs: {}\n",
        k, found.size(), exact.size(), k, static_cast<double>(hits) / static_cast<double>(k),
        k - static_cast<int>(hits),
        differs == found.end() ? "none" : std::to_string(differs - found.begin() + 1));
    EXPECT_NE(text.find(expected), std::string::npos) << text << expected << "seed " << seed_;
    EXPECT_NE(text.find("Strategy: sub-indexes searched"), std::string::npos) << text;
    EXPECT_NE(text.find(fmt::format(", 0 rows measured by indexes, {} exactly, 14 granules read",
                                    run % 3 == 0 ? 800 : 790)),
              std::string::npos)
        << text;
    (hits == exact.size() ? was_perfect : was_not) = true;
  }
  EXPECT_TRUE(was_perfect && was_not) << "seed " << seed_;
}

TEST_F(ExplainRecallTest, ExactPlansHaveFullRecall) {
  const std::string search =
      "EXPLAIN RECALL SELECT id FROM t ORDER BY L2Distance(v, " + VectorText() + ") LIMIT 7";
  const std::string text = Query(*database_, search + " SETTINGS use_skip_indexes = 0");
  EXPECT_NE(text.find("Recall@7: 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("not used, index \\'near\\' is switched off"), std::string::npos) << text;
  EXPECT_EQ(FailureOf(*database_, search + " SETTINGS force_data_skipping_indices = 'near'"),
            std::nullopt);
  EXPECT_EQ(Query(*database_,
                  "SELECT count() FROM (EXPLAIN RECALL SELECT id + 1 FROM (SELECT id FROM t ORDER "
                  "BY L2Distance(v, " +
                      VectorText() + ") LIMIT 3)) WHERE explain LIKE 'Recall@3%'"),
            "1\n");
}

TEST_F(ExplainRecallTest, OtherQueriesAreRefused) {
  for (const char* query : {"SELECT 1", "SELECT id FROM t", "SELECT id FROM t ORDER BY id LIMIT 3",
                            "SELECT count() FROM t ORDER BY L2Distance([1.], [2.]) LIMIT 3"}) {
    EXPECT_EQ(FailureOf(*database_, std::string("EXPLAIN RECALL ") + query),
              ErrorCode::kIncorrectQuery)
        << query;
  }
  const std::string search = "SELECT id FROM t ORDER BY L2Distance(v, " + VectorText() + ")";
  for (const char* tail : {" DESC LIMIT 3", "", " LIMIT 3 WITH TIES", ", id LIMIT 3"}) {
    EXPECT_EQ(FailureOf(*database_, "EXPLAIN RECALL " + search + tail), ErrorCode::kIncorrectQuery)
        << tail;
  }
  EXPECT_EQ(FailureOf(*database_, "EXPLAIN RECALL header = 1 " + search + " LIMIT 3"),
            ErrorCode::kUnknownSetting);
}

}  // namespace
}  // namespace granary
