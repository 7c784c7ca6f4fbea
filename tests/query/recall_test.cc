// EXPLAIN RECALL and vectorSearchRecall say what searches, as planned and exact, show.
#include "granary/query/search/recall.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "database_testing.h"
#include "granary/query/steps/recall_sampling.h"
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

class RecallOfTableTest : public ::testing::Test {
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

TEST_F(RecallOfTableTest, SaysWhatTheTwoSearchesFind) {
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

TEST_F(RecallOfTableTest, ExactPlansHaveFullRecall) {
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

TEST_F(RecallOfTableTest, OtherQueriesAreRefused) {
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

TEST(RecallSampling, ConfidenceIntervalsAreWilsons) {
  EXPECT_NEAR(WilsonInterval(90, 100).lower, 0.82563, 1e-5);
  EXPECT_NEAR(WilsonInterval(90, 100).upper, 0.94477, 1e-5);
  EXPECT_EQ(WilsonInterval(0, 10).lower, 0);
  EXPECT_NEAR(WilsonInterval(0, 10).upper, 0.27753, 1e-5);
  EXPECT_DOUBLE_EQ(WilsonInterval(10, 10).upper, 1);
  EXPECT_EQ(WilsonInterval(0, 0).lower, 0);
  EXPECT_EQ(WilsonInterval(0, 0).upper, 1);
}

// With as many samples as there are rows, it must give what searches for each row give.
TEST_F(RecallOfTableTest, SamplingCountsWhatSearchesFind) {
  database_->Execute("DELETE FROM t WHERE id % 7 = 0 OR id = 399");
  const std::string narrow =
      " SETTINGS hnsw_candidate_list_size_for_search = 1, "
      "vector_search_filter_strategy = 'postfilter'";
  PreparedStatement planned = database_->Prepare(
      "SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 5" + narrow);
  PreparedStatement exact = database_->Prepare(
      "SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 5 "
      "SETTINGS use_skip_indexes = 0");
  const auto others = [](Result result, uint64_t self) {
    std::vector<uint64_t> ids;
    while (const auto block = result.Next()) {
      for (size_t row = 0; row < block->rows(); ++row) {
        ids.push_back(block->column(0)->ValueAt(row).as_uint());
      }
    }
    std::erase(ids, self);
    ids.resize(4);
    return ids;
  };
  size_t neighbors[2] = {};
  size_t found[2] = {};
  size_t rows[2] = {};
  const Block all = database_->Execute("SELECT id, v FROM t").ReadAll();
  for (size_t row = 0; row < all.rows(); ++row) {
    const uint64_t self = all.column(0)->ValueAt(row).as_uint();
    ++rows[self / 400];
    const VectorRows vectors = AsArrays(*all.column(1)).Vectors(16);
    const std::span<const float> query(vectors.FloatRow(row), 16);
    const std::vector<uint64_t> hits = others(planned.Bind("q", query).Execute(), self);
    for (const uint64_t id : others(exact.Bind("q", query).Execute(), self)) {
      ++neighbors[id / 400];
      found[id / 400] += std::count(hits.begin(), hits.end(), id);
    }
  }
  std::string expected;
  const auto add = [&](const char* part, size_t row_count, size_t neighbor_count,
                       size_t found_count) {
    expected += fmt::format("{}\tnear\t{}\t4\t{}\t{}\t{}\n", part, row_count, row_count,
                            neighbor_count, found_count);
  };
  add("all_1_1_0", rows[0], neighbors[0], found[0]);
  add("all_2_2_0", rows[1], neighbors[1], found[1]);
  add("total", rows[0] + rows[1], neighbors[0] + neighbors[1], found[0] + found[1]);
  EXPECT_LT(found[0], neighbors[0]) << "the searches found all: seed " << seed_;
  EXPECT_EQ(Query(*database_,
                  "SELECT part, index, rows, k, samples, neighbors, found "
                  "FROM vectorSearchRecall('t', 'near', 4, 800)" +
                      narrow),
            expected)
      << "seed " << seed_;
  EXPECT_EQ(Query(*database_,
                  "SELECT count() FROM vectorSearchRecall(t, near, 4, 800) "
                  "WHERE recall = found / neighbors AND lower < recall AND recall < upper" +
                      narrow),
            "3\n");
}

TEST_F(RecallOfTableTest, SamplesFollowTheSeed) {
  const auto sample = [&](const std::string& arguments) {
    return Query(*database_, "SELECT * FROM vectorSearchRecall(t, near, 3, 50, " + arguments +
                                 ") SETTINGS hnsw_candidate_list_size_for_search = 1");
  };
  EXPECT_EQ(sample("7"), sample("7"));
  EXPECT_NE(sample("7") + sample("8"), sample("9") + sample("10"));
  EXPECT_EQ(Query(*database_,
                  "SELECT samples, neighbors FROM vectorSearchRecall(t, near, 3, 50, 1) "
                  "WHERE part = 'total'"),
            "50\t150\n");
}

TEST_F(RecallOfTableTest, SamplingTakesTablesOfAnyKind) {
  const std::string total = "FROM vectorSearchRecall('t', 'near') WHERE part = 'total'";
  database_->Execute("DELETE FROM t WHERE id > 0");
  EXPECT_EQ(Query(*database_, "SELECT rows, samples, neighbors, recall, lower, upper " + total),
            "1\t1\t0\tnan\t0\t1\n");
  database_->Execute("TRUNCATE TABLE t");
  EXPECT_EQ(Query(*database_, "SELECT rows, samples, neighbors, recall, lower, upper " + total),
            "0\t0\t0\tnan\t0\t1\n");
  // Of Float64, with equal rows, and zeros, which have no direction.
  database_->Execute(
      "CREATE TABLE u (v Array(Float64), INDEX near v TYPE vector_similarity('hnsw', "
      "'cosineDistance', 2)) ORDER BY tuple() SETTINGS vector_index_min_rows_for_graph = 0");
  database_->Execute("INSERT INTO u SELECT [intDiv(number, 20), 0] FROM numbers(100)");
  EXPECT_EQ(Query(*database_,
                  "SELECT samples, neighbors, recall FROM vectorSearchRecall(u, near, 9, 1000) "
                  "WHERE part = 'total'"),
            "80\t720\t1\n");
}

TEST_F(RecallOfTableTest, SamplingRefusesWhatItCannotMeasure) {
  const auto failure = [&](const std::string& arguments, const std::string& settings = "") {
    return FailureOf(*database_, "SELECT * FROM vectorSearchRecall(" + arguments + ")" + settings);
  };
  EXPECT_EQ(failure("'t'"), ErrorCode::kNumberOfArgumentsDoesntMatch);
  EXPECT_EQ(failure("t, near, 1, 1, 1, 1"), ErrorCode::kNumberOfArgumentsDoesntMatch);
  EXPECT_EQ(failure("'x', 'near'"), ErrorCode::kUnknownTable);
  EXPECT_EQ(failure("'t', 'far'"), ErrorCode::kBadArguments);
  EXPECT_EQ(failure("1, 'near'"), ErrorCode::kBadArguments);
  EXPECT_EQ(failure("'t', 'near', 0"), ErrorCode::kBadArguments);
  EXPECT_EQ(failure("'t', 'near', 1001"), ErrorCode::kBadArguments);
  EXPECT_EQ(failure("'t', 'near', 10, 0"), ErrorCode::kBadArguments);
  EXPECT_EQ(failure("'t', 'near', 10, 10, -1"), ErrorCode::kBadArguments);
  EXPECT_EQ(failure("'t', 'near'", " SETTINGS use_skip_indexes = 0"), ErrorCode::kIndexNotUsed);
  EXPECT_EQ(failure("'t', 'near'", " SETTINGS force_data_skipping_indices = 'near'"), std::nullopt);
  database_->Execute("ALTER TABLE t ADD INDEX m id TYPE minmax");
  EXPECT_EQ(failure("'t', 'm'"), ErrorCode::kBadArguments);
}

}  // namespace
}  // namespace granary
