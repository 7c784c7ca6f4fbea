// Vector searches through SQL with graphs forced: never fewer rows than there are, only rows that
// match, distances equal to the bit to those of the exact scan.
#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "database_testing.h"
#include "granary/tests/random_seed.h"
#include "search_case.h"
#include "search_hits.h"

namespace granary {
namespace {

constexpr size_t kDimensions = 8;

class NeighborSearchTest : public ::testing::TestWithParam<SearchCase> {
 protected:
  // Five parts of 300 rows; the third has no sub-indexes. Index blocks of four granules.
  void SetUp() override {
    seed_ = granary::SeedOfThisRun();
    RecordProperty("seed", std::to_string(seed_));
    random_.seed(seed_);
    database_ = OpenInMemory();
    database_->Execute("CREATE TABLE t (id UInt64, m UInt8, v Array(" +
                       std::string(GetParam().element) +
                       "), INDEX near v TYPE vector_similarity('hnsw', '" + GetParam().function +
                       "', 8, 'bf16', 8, 32) "
                       "GRANULARITY 4) ORDER BY m "
                       "SETTINGS index_granularity = 32, vector_index_min_rows_for_graph = 0");
    for (int part = 0; part < 5; ++part) InsertPart(part);
  }

  void InsertPart(int part) {
    std::string rows;
    for (int row = 0; row < 300; ++row) {
      const int id = part * 300 + row;
      rows += "(" + std::to_string(id) + "," + std::to_string(id % 50) + "," + VectorText() + ")";
    }
    Session session(database_.get());
    session.Set("materialize_skip_indexes_on_insert", Value(uint64_t{part != 2}));
    session.Execute("INSERT INTO t VALUES " + rows);
  }

  std::string VectorText() {
    std::string text = "[";
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < kDimensions; ++i) {
      text += (i == 0 ? "" : ",") + std::to_string(normal(random_));
    }
    return text + "]";
  }

  std::string SearchText(const std::string& query, const std::string& where, int limit,
                         const std::string& settings) {
    return "SELECT id, " + std::string(GetParam().function) + "(v, " + query + ") AS d FROM t " +
           where + " ORDER BY d " + GetParam().direction + " LIMIT " + std::to_string(limit) +
           " SETTINGS " + settings;
  }

  std::vector<Hit> Search(const std::string& query, const std::string& where, int limit,
                          const std::string& settings) {
    return HitsOf(database_->Execute(SearchText(query, where, limit, settings)));
  }

  uint64_t seed_ = 0;
  std::mt19937 random_;
  std::unique_ptr<Database> database_;
};

TEST_P(NeighborSearchTest, WalksEverySubIndexAndScansPartsWithout) {
  const std::string plan = Query(
      *database_, "EXPLAIN indexes = 1 " + SearchText(VectorText(), "", 10, "max_threads = 2"));
  // Parts of 300 rows have three index blocks of 128 rows at most.
  EXPECT_NE(plan.find("rows of 12 sub-indexes"), std::string::npos) << plan;
  EXPECT_NE(plan.find("the part has no sub-index (1)"), std::string::npos) << plan;
  EXPECT_NE(plan.find("Name: near"), std::string::npos) << plan;
  EXPECT_NE(plan.find("exact scan of 300 rows"), std::string::npos) << plan;
}

TEST_P(NeighborSearchTest, FindsAllRowsThatMatchWhateverTheStrategy) {
  const char* filters[] = {"",
                           "WHERE m < 25",
                           "WHERE m = 7",
                           "WHERE id = 77",
                           "WHERE id > 9999",
                           "WHERE id % 3 = 0 AND m > 40",
                           "WHERE id >= 600 AND id < 905"};
  const char* strategies[] = {"auto", "prefilter", "postfilter"};
  for (const char* filter : filters) {
    const uint64_t matching =
        std::stoull(Query(*database_, std::string("SELECT count() FROM t ") + filter));
    for (const char* strategy : strategies) {
      for (const char* scope : {"rows", "granules"}) {
        const std::string query = VectorText();
        const std::string settings = std::string("vector_search_filter_strategy = '") + strategy +
                                     "', vector_search_rerank_scope = '" + scope +
                                     "', hnsw_candidate_list_size_for_search = 20";
        const std::string label = settings + filter + ", seed " + std::to_string(seed_);
        std::vector<Hit> all = Search(query, filter, 100000, "use_skip_indexes = 0");
        ASSERT_EQ(all.size(), matching) << label;
        const std::vector<Hit> found = Search(query, filter, 20, settings);
        ASSERT_EQ(found.size(), std::min<uint64_t>(20, matching)) << label;
        // Every hit is one of the exact rows, with the same bits, in the same order.
        size_t position = 0;
        for (const Hit& hit : found) {
          while (position < all.size() && !(all[position] == hit)) ++position;
          ASSERT_LT(position, all.size()) << label << ": row " << hit.id;
        }
      }
    }
  }
}

TEST_P(NeighborSearchTest, AWideBeamFindsNearlyAllOfTheNearest) {
  size_t nearest = 0;
  size_t found = 0;
  for (const char* filter : {"", "WHERE m < 30", "WHERE m IN (1, 2, 3, 4, 5, 6, 7)"}) {
    for (int run = 0; run < 5; ++run) {
      const std::string query = VectorText();
      const std::vector<Hit> exact = Search(query, filter, 50, "use_skip_indexes = 0");
      const std::vector<Hit> hits = Search(query, filter, 50,
                                           "hnsw_candidate_list_size_for_search = 2000, "
                                           "vector_search_filter_strategy = 'postfilter'");
      for (const Hit& hit : hits) {
        found += static_cast<size_t>(std::count(exact.begin(), exact.end(), hit));
      }
      nearest += exact.size();
    }
  }
  EXPECT_GE(static_cast<double>(found), 0.97 * static_cast<double>(nearest)) << "seed " << seed_;
}

TEST_P(NeighborSearchTest, APreparedSearchTakesItsVectorAtEachRun) {
  const std::string element = GetParam().element;
  PreparedStatement search = database_->Prepare("SELECT id, " + std::string(GetParam().function) +
                                                "(v, {q:Array(Float32)}) AS d FROM t "
                                                "ORDER BY d " +
                                                GetParam().direction + " LIMIT 10");
  std::normal_distribution<float> normal;
  for (int run = 0; run < 5; ++run) {
    std::vector<float> query(kDimensions);
    for (float& x : query) x = normal(random_);
    ExecuteOptions options;
    options.parameters.Set("q", std::span<const float>(query));
    search.Bind("q", query);
    EXPECT_EQ(HitsOf(search.Execute()),
              HitsOf(database_->Execute("SELECT id, " + std::string(GetParam().function) +
                                            "({q:Array(Float32)}, v) AS d FROM t ORDER BY d " +
                                            GetParam().direction + " LIMIT 10",
                                        options)))
        << "seed " << seed_;
  }
  database_->Execute("TRUNCATE TABLE t");
  EXPECT_TRUE(HitsOf(search.Execute()).empty());
  database_->Execute("INSERT INTO t VALUES (5, 1, " + VectorText() + ")");
  EXPECT_EQ(HitsOf(search.Execute()).size(), 1u);
}

TEST_P(NeighborSearchTest, LimitsAndOffsetsCutTheSameOrder) {
  const std::string query = VectorText();
  const std::vector<Hit> whole = Search(query, "", 30, "hnsw_candidate_list_size_for_search = 400");
  const std::vector<Hit> tail = HitsOf(
      database_->Execute("SELECT id, " + std::string(GetParam().function) + "(v, " + query +
                         ") AS d FROM t ORDER BY d " + GetParam().direction +
                         " LIMIT 20 OFFSET 10 SETTINGS hnsw_candidate_list_size_for_search = 400"));
  ASSERT_EQ(tail.size(), 20u);
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), whole.begin() + 10)) << "seed " << seed_;
  EXPECT_TRUE(Search(query, "", 0, "max_threads = 1").empty());
  EXPECT_EQ(Search(query, "", 5000, "max_threads = 1").size(), 1500u);
}

// As many rows within the range as there are, and of more the nearest ones that were found.
TEST_P(NeighborSearchTest, RangesAreNeverShort) {
  const bool is_product = std::string(GetParam().function) == "dotProduct";
  size_t cut = 0;
  size_t full = 0;
  for (int run = 0; run < 30; ++run) {
    const std::string query = VectorText();
    const std::vector<Hit> all = Search(query, "", 100000, "use_skip_indexes = 0");
    const size_t wanted = 1 + static_cast<size_t>(random_() % 30);
    const double bound = all[random_() % 60].distance;
    const std::string settings =
        "hnsw_candidate_list_size_for_search = 1, vector_search_filter_strategy = 'postfilter'";
    for (const char* other : {"", "m < 25 AND "}) {
      const std::string where = std::string("WHERE ") + other + "d " +
                                (is_product ? ">= " : "<= ") + fmt::format("{}", bound);
      const uint64_t within = std::stoull(
          Query(*database_, "SELECT count() FROM (SELECT " + std::string(GetParam().function) +
                                "(v, " + query + ") AS d FROM t " + where + ")"));
      const std::string label = where + ", seed " + std::to_string(seed_);
      const std::vector<Hit> found = Search(query, where, static_cast<int>(wanted), settings);
      ASSERT_EQ(found.size(), std::min<uint64_t>(wanted, within)) << label;
      size_t position = 0;
      for (const Hit& hit : found) {
        EXPECT_TRUE(is_product ? hit.distance >= bound : hit.distance <= bound) << label;
        while (position < all.size() && !(all[position] == hit)) ++position;
        ASSERT_LT(position, all.size()) << label;
      }
      EXPECT_EQ(Search(query, where, static_cast<int>(wanted), "use_skip_indexes = 0").size(),
                found.size());
      ++(within < wanted ? cut : full);
      const std::vector<Hit> page = HitsOf(
          database_->Execute("SELECT id, " + std::string(GetParam().function) + "(v, " + query +
                             ") AS d FROM t " + where + " ORDER BY d " + GetParam().direction +
                             " LIMIT " + std::to_string(wanted - wanted / 2) + " OFFSET " +
                             std::to_string(wanted / 2) + " SETTINGS " + settings));
      ASSERT_EQ(page.size(), found.size() - std::min(found.size(), wanted / 2)) << label;
      EXPECT_TRUE(std::equal(page.begin(), page.end(), found.end() - page.size())) << label;
    }
  }
  EXPECT_GT(cut, 5u);
  EXPECT_GT(full, 5u);
}

INSTANTIATE_TEST_SUITE_P(Searches, NeighborSearchTest,
                         ::testing::Values(SearchCase{"L2Distance", "ASC", "Float32"},
                                           SearchCase{"cosineDistance", "ASC", "Float32"},
                                           SearchCase{"dotProduct", "DESC", "Float32"},
                                           SearchCase{"L2Distance", "ASC", "Float64"},
                                           SearchCase{"cosineDistance", "ASC", "BFloat16"},
                                           SearchCase{"dotProduct", "DESC", "Float64"}));

class NeighborEdgeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = OpenInMemory();
    database_->Execute(
        "CREATE TABLE t (id UInt64, v Array(Float32), "
        "INDEX near v TYPE vector_similarity('hnsw', 'cosineDistance', 2, 'f32', 8, 32) "
        "GRANULARITY 1) "
        "ORDER BY id SETTINGS index_granularity = 3, vector_index_min_rows_for_graph = 0");
    database_->Execute("INSERT INTO t VALUES (1, [1, 0]), (2, [0, 1]), (3, [1, 1]), (4, [1, 1])");
    database_->Execute("INSERT INTO t VALUES (0, [1, 1]), (5, [-1, 0])");
  }

  std::string Ids(const std::string& order) {
    return Query(*database_, "SELECT id FROM t ORDER BY " + order);
  }

  std::unique_ptr<Database> database_;
};

TEST_F(NeighborEdgeTest, EqualDistancesComeInTheOrderOfPartsAndRows) {
  EXPECT_EQ(Ids("cosineDistance(v, [2.0, 2.0]) LIMIT 3"), "3\n4\n0\n");
  EXPECT_EQ(Ids("cosineDistance(v, [2.0, 2.0]) LIMIT 3 SETTINGS use_skip_indexes = 0"),
            "3\n4\n0\n");
}

TEST_F(NeighborEdgeTest, TakesAnyConstantVector) {
  for (const char* query :
       {"[1, 0]", "[1.0, 0]", "CAST([1, 0] AS Array(Float32))", "[1, 0]::Array(Float64)",
        "(SELECT v FROM t WHERE id = 1)", "arrayMap(x -> x + 1, [0, -1])"}) {
    EXPECT_EQ(Ids("cosineDistance(v, " + std::string(query) + ") LIMIT 2"), "1\n3\n") << query;
    EXPECT_NE(Query(*database_, "EXPLAIN SELECT id FROM t ORDER BY cosineDistance(" +
                                    std::string(query) + ", v) LIMIT 2")
                  .find("Vector index: near"),
              std::string::npos)
        << query;
  }
}

TEST_F(NeighborEdgeTest, RefusesVectorsThatHaveNoNeighbours) {
  const std::string search = "SELECT id FROM t ORDER BY cosineDistance(v, ";
  EXPECT_EQ(FailureOf(*database_, search + "[1.0, nan]) LIMIT 1"), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(FailureOf(*database_, search + "[1.0, inf]) LIMIT 1"), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(FailureOf(*database_, search + "[1.0, 2, 3]) LIMIT 1"), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(FailureOf(*database_, search + "[1.0, 2, 3]) LIMIT 1 SETTINGS use_skip_indexes = 0"),
            ErrorCode::kSizesOfArraysDontMatch);
  // A zero vector has no direction: every distance is NaN, and all rows tie.
  EXPECT_EQ(
      Query(*database_, "SELECT id, cosineDistance(v, [0.0, 0]) AS d FROM t ORDER BY d LIMIT 2"),
      "1\tnan\n2\tnan\n");
}

TEST_F(NeighborEdgeTest, ClearedAndMaterializedIndexesGiveTheSameRows) {
  const std::string rows = Ids("cosineDistance(v, [1.0, 0.2]) LIMIT 4");
  database_->Execute("ALTER TABLE t CLEAR INDEX near");
  EXPECT_EQ(Ids("cosineDistance(v, [1.0, 0.2]) LIMIT 4"), rows);
  database_->Execute("ALTER TABLE t MATERIALIZE INDEX near");
  EXPECT_EQ(Ids("cosineDistance(v, [1.0, 0.2]) LIMIT 4"), rows);
  database_->Execute("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(Query(*database_, "SELECT count() FROM system.parts WHERE table = 't'"), "1\n");
  EXPECT_EQ(Query(*database_,
                  "SELECT count() FROM (" + std::string("SELECT id FROM t ORDER BY "
                                                        "cosineDistance(v, [1.0, 0.2]) LIMIT 4)")),
            "4\n");
  database_->Execute("ALTER TABLE t DROP INDEX near");
  EXPECT_EQ(FailureOf(*database_, "ALTER TABLE t DROP INDEX near"), ErrorCode::kBadArguments);
}

TEST_F(NeighborEdgeTest, DimensionsComeFromTheFirstVector) {
  database_->Execute(
      "CREATE TABLE u (id UInt64, v Array(Float32), INDEX near v TYPE "
      "vector_similarity('hnsw', 'L2Distance')) ORDER BY id");
  PreparedStatement search =
      database_->Prepare("SELECT id FROM u ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 1");
  const std::vector<float> query = {1, 2, 3};
  EXPECT_EQ(TextOf(search.Bind("q", query).Execute()), "");
  database_->Execute("INSERT INTO u VALUES (1, [1, 2, 3]), (2, [0, 0, 0])");
  EXPECT_EQ(TextOf(search.Execute()), "1\n");
  EXPECT_EQ(FailureOf(*database_, "INSERT INTO u VALUES (3, [1, 2])"), ErrorCode::kIncorrectData);
}

// WHERE is evaluated in pieces, here of 9362 granules of 7 rows, whose rows share words of a bitmap
// with those of their neighbours.
TEST_F(NeighborEdgeTest, PiecesOfTheFilterMayShareWords) {
  database_->Execute(
      "CREATE TABLE w (id UInt32, v Array(Float32)) ORDER BY id SETTINGS index_granularity = 7");
  database_->Execute("INSERT INTO w SELECT number, [number] FROM numbers(200000)");
  for (const size_t center : {3, 65534, 131068, 199990}) {
    const std::string where =
        "WHERE (id % 3 = 1 OR id % 64 = 63) AND id + 600 >= " + std::to_string(center) +
        " AND id <= " + std::to_string(center + 600);
    EXPECT_EQ(Query(*database_, "SELECT id FROM (SELECT id FROM w " + where +
                                    " ORDER BY L2Distance(v, [" + std::to_string(center) +
                                    ".]) LIMIT 1000) ORDER BY id"),
              Query(*database_, "SELECT id FROM w " + where + " ORDER BY id"))
        << center;
  }
  EXPECT_EQ(Query(*database_,
                  "SELECT count() FROM (SELECT id FROM w WHERE id % 3 = 1 "
                  "ORDER BY L2Distance(v, [0.]) LIMIT 200000)"),
            "66667\n");
}

TEST_F(NeighborEdgeTest, RaggedColumnsAreScanned) {
  database_->Execute("CREATE TABLE r (id UInt64, v Array(Float32)) ORDER BY id");
  database_->Execute("INSERT INTO r VALUES (1, [1, 2]), (2, [3])");
  EXPECT_EQ(FailureOf(*database_, "SELECT id FROM r ORDER BY L2Distance(v, [1., 2.]) LIMIT 1"),
            ErrorCode::kSizesOfArraysDontMatch);
  EXPECT_EQ(Query(*database_,
                  "SELECT id FROM r WHERE length(v) = 2 "
                  "ORDER BY L2Distance(v, [1., 2.]) LIMIT 1"),
            "1\n");
}

}  // namespace
}  // namespace granary
