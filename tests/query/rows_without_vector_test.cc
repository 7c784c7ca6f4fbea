// Rows without a vector (allow_empty = 1): searches never take them for near, never lose them where
// they are asked for, and find the others as if these were alone.
#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>

#include "database_testing.h"
#include "granary/tests/random_seed.h"
#include "search_case.h"
#include "search_hits.h"

namespace granary {
namespace {

constexpr size_t kDimensions = 8;
constexpr int kRowsPerPart = 400;

class RowsWithoutVectorTest : public ::testing::TestWithParam<SearchCase> {
 protected:
  void SetUp() override {
    seed_ = SeedOfThisRun();
    random_.seed(seed_);
    database_ = OpenInMemory();
    database_->Execute(fmt::format(
        "CREATE TABLE t (id UInt64, m UInt8, v Array({}), INDEX near v TYPE "
        "vector_similarity('hnsw', '{}', 8, 'i8', 8, 32, allow_empty = 1) GRANULARITY 5) ORDER BY "
        "m SETTINGS index_granularity = 32, vector_index_min_rows_for_graph = 0",
        GetParam().element, GetParam().function));
    // The share of rows with a vector in each part.
    for (const double share : {1.0, 0.6, 0.05, 0.0}) InsertPart(share);
  }

  void InsertPart(double share) {
    std::string rows;
    for (int row = 0; row < kRowsPerPart; ++row, ++rows_) {
      const bool has_vector = std::bernoulli_distribution(share)(random_);
      rows += fmt::format("({},{},{})", rows_, rows_ % 40, has_vector ? VectorText() : "[]");
    }
    database_->Execute("INSERT INTO t VALUES " + rows);
  }

  std::string VectorText() {
    std::normal_distribution<float> normal;
    std::vector<float> vector(kDimensions);
    for (float& x : vector) x = normal(random_);
    return fmt::format("[{}]", fmt::join(vector, ","));
  }

  std::vector<Hit> Search(const std::string& query, const std::string& where, size_t limit,
                          const std::string& settings) {
    return HitsOf(database_->Execute(
        fmt::format("SELECT id, {0}(v, {1}) AS d FROM t {2} ORDER BY d {3} LIMIT {4} SETTINGS {5}",
                    GetParam().function, query, where, GetParam().direction, limit, settings)));
  }

  // The same by no search: all distances, sorted. The LIMIT within keeps the ORDER BY from the
  // table.
  std::vector<Hit> Sorted(const std::string& query, const std::string& where, size_t limit) {
    return HitsOf(database_->Execute(
        fmt::format("SELECT * FROM (SELECT id, {0}(v, {1}) AS d FROM t {2} LIMIT 1000000) ORDER BY "
                    "d {3} LIMIT {4} SETTINGS max_threads = 1",
                    GetParam().function, query, where, GetParam().direction, limit)));
  }

  // Of the rows that match, the number of those with a vector.
  size_t CountVectors(const std::string& where) {
    return std::stoull(Query(*database_, "SELECT countIf(notEmpty(v)) FROM t " + where));
  }

  void ExpectHonest(const std::string& where, size_t limit, const std::string& settings) {
    const std::string query = VectorText();
    const std::string label = fmt::format("{} limit {} {} seed {}", where, limit, settings, seed_);
    const std::vector<Hit> exact = Sorted(query, where, limit);
    const std::vector<Hit> scanned = Search(query, where, limit, "use_skip_indexes = 0");
    const std::vector<Hit> found = Search(query, where, limit, settings);
    ASSERT_EQ(found.size(), exact.size()) << label;
    ASSERT_EQ(scanned.size(), exact.size()) << label;
    const size_t vectors = std::min(limit, CountVectors(where));
    size_t same = 0;
    for (size_t rank = 0; rank < found.size(); ++rank) {
      ASSERT_EQ(std::isnan(found[rank].distance), rank >= vectors) << label;
      ASSERT_EQ(std::isnan(exact[rank].distance), rank >= vectors) << label;
      ASSERT_EQ(scanned[rank].id, exact[rank].id) << label;
      same += found[rank].id == exact[rank].id ? 1 : 0;
      // What is beyond the rows with a vector is exact: the first ones in the order of rows.
      if (rank >= vectors) {
        ASSERT_EQ(found[rank].id, exact[rank].id) << label;
      }
    }
    if (vectors > 3) ExpectSameRange(query, exact[3].distance, label);
    same_ += same;
    ranks_ += found.size();
  }

  // A range of few rows is read by the codes.
  void ExpectSameRange(const std::string& query, double bound, const std::string& label) {
    const bool is_product = std::string(GetParam().function) == "dotProduct";
    const std::string select =
        fmt::format("SELECT id, v FROM t WHERE {}(v, {}) {} {} ORDER BY id", GetParam().function,
                    query, is_product ? ">=" : "<=", bound);
    const std::string rows = Query(*database_, select);
    EXPECT_EQ(rows, Query(*database_, select + " SETTINGS use_skip_indexes = 0")) << label;
    EXPECT_GE(std::count(rows.begin(), rows.end(), '\n'), 4) << label;
    EXPECT_EQ(rows.find("[]"), std::string::npos) << label;
  }

  void ExpectHonestSearches() {
    for (const char* where : {"", "WHERE m < 20", "WHERE m = 7", "WHERE id >= 790", "WHERE id = 5",
                              "WHERE id >= 1200", "WHERE id > 99999", "WHERE id % 3 = 0"}) {
      for (const char* settings :
           {"vector_search_method = 'graph'", "vector_search_method = 'scan'",
            "vector_search_method = 'auto'",
            "vector_search_filter_strategy = 'prefilter', vector_search_method = 'graph'",
            "vector_search_filter_strategy = 'postfilter', hnsw_candidate_list_size_for_search = 9",
            "vector_search_rerank_scope = 'granules', vector_search_method = 'graph'"}) {
        for (const size_t limit : {1, 20, 900}) {
          ASSERT_NO_FATAL_FAILURE(ExpectHonest(where, limit, settings));
        }
      }
    }
    EXPECT_GT(static_cast<double>(same_), 0.9 * static_cast<double>(ranks_)) << "seed " << seed_;
  }

  uint64_t seed_ = 0;
  int rows_ = 0;
  size_t same_ = 0;
  size_t ranks_ = 0;
  std::mt19937 random_;
  std::unique_ptr<Database> database_;
};

TEST_P(RowsWithoutVectorTest, ComeLastHoweverTheSearchIsMade) {
  ExpectHonestSearches();
  const std::string plan = Query(
      *database_,
      fmt::format("EXPLAIN indexes = 1 SELECT id FROM t ORDER BY {}(v, {}) {} LIMIT 10 SETTINGS "
                  "vector_search_method = 'graph'",
                  GetParam().function, VectorText(), GetParam().direction));
  // Three index blocks in each of two parts, those of the third that have a vector, none of the
  // last.
  EXPECT_NE(plan.find("sub-indexes searched"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("Exact scan"), std::string::npos) << plan;
}

TEST_P(RowsWithoutVectorTest, StayLastThroughDeletesUpdatesAndMerges) {
  database_->Execute("DELETE FROM t WHERE id % 7 = 3");
  ExpectHonestSearches();
  database_->Execute("ALTER TABLE t UPDATE v = [] WHERE id % 5 = 1");
  database_->Execute(fmt::format("ALTER TABLE t UPDATE v = {} WHERE id % 50 = 2", VectorText()));
  ExpectHonestSearches();
  database_->Execute("OPTIMIZE TABLE t FINAL");
  ExpectHonestSearches();
  EXPECT_EQ(Query(*database_, "SELECT count() FROM system.parts WHERE table = 't' AND active"),
            "1\n");
}

TEST_P(RowsWithoutVectorTest, JoinsAndBatchesFindWhatSearchesFind) {
  database_->Execute("CREATE TABLE q (id UInt64, v Array(Float32)) ORDER BY id");
  std::vector<std::string> vectors;
  for (int i = 0; i < 40; ++i) {
    vectors.push_back(VectorText());
    database_->Execute(fmt::format("INSERT INTO q VALUES ({}, {})", i, vectors.back()));
  }
  database_->Execute("INSERT INTO q VALUES (40, [])");
  for (const char* where : {"", "WHERE m = 7", "WHERE t.id >= 1190"}) {
    for (const char* settings : {"vector_search_method = 'graph'", "vector_search_method = 'scan'",
                                 "use_skip_indexes = 0"}) {
      const std::vector<Hit> joined = HitsOf(database_->Execute(fmt::format(
          "SELECT t.id, {0}(t.v, q.v) AS d FROM q CROSS JOIN t {1} ORDER BY q.id, d {2} LIMIT 30 "
          "BY q.id SETTINGS {3}",
          GetParam().function, where, GetParam().direction, settings)));
      size_t next = 0;
      // A batch looks WHERE up first, so its walk may come to other near rows than that of a
      // search.
      const bool is_graph = std::string_view(settings).find("graph") != std::string_view::npos;
      size_t same = 0;
      std::string alone_where = where;
      if (alone_where.find("t.id") != std::string::npos) alone_where = "WHERE id >= 1190";
      for (const std::string& vector : vectors) {
        for (const Hit& hit : Search(vector, alone_where, 30, settings)) {
          ASSERT_LT(next, joined.size());
          if (!is_graph) {
            ASSERT_EQ(joined[next].id, hit.id) << where << settings << " seed " << seed_;
          }
          same += joined[next].id == hit.id ? 1 : 0;
          ASSERT_EQ(std::isnan(joined[next].distance), std::isnan(hit.distance));
          ++next;
        }
      }
      EXPECT_GT(static_cast<double>(same), 0.9 * static_cast<double>(next))
          << where << " seed " << seed_;
      // A query without a vector: no row has a distance, but for those that have none either.
      const size_t rest = joined.size() - next;
      EXPECT_EQ(rest, 30u) << where;
      for (; next < joined.size(); ++next) {
        const double distance = joined[next].distance;
        EXPECT_TRUE(std::isnan(distance) || distance == 0) << distance;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Searches, RowsWithoutVectorTest,
                         ::testing::Values(SearchCase{"L2Distance", "ASC", "Float32"},
                                           SearchCase{"cosineDistance", "ASC", "BFloat16"},
                                           SearchCase{"dotProduct", "DESC", "Float64"}));

}  // namespace
}  // namespace granary
