// Searches with conditions that cost more to evaluate for every row than the search itself: WHERE
// is evaluated for the rows that the walk comes to, and nothing else may differ.
#include <algorithm>
#include <random>
#include <set>

#include "database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

constexpr int kRowsPerPart = 6000;

class LazyFilterTest : public ::testing::Test {
 protected:
  // Two parts with graphs in several index blocks and one without; one row in ten is dead. `text`
  // is long, ends with a number up to 99 and begins with the cluster of the row.
  void SetUp() override {
    seed_ = SeedOfThisRun();
    database_ = OpenInMemory();
    database_->Execute(
        "CREATE TABLE t (id UInt32, m UInt8, text String, v Array(Float32), "
        "INDEX near v TYPE vector_similarity('hnsw', 'L2Distance', 4, 'i8', 16, 64) GRANULARITY 4) "
        "ORDER BY id SETTINGS index_granularity = 1000, vector_index_min_rows_for_graph = 0");
    for (int part = 0; part < 3; ++part) {
      Session session(database_.get());
      session.Set("materialize_skip_indexes_on_insert", Value(uint64_t{part != 1}));
      const std::string number = "number + " + std::to_string(part * kRowsPerPart);
      const auto element = [&](int i) {
        return "number % 20 + sipHash64(4 * number + " + std::to_string(seed_ % 1000 + i) +
               ") % 1000 / 1000";
      };
      session.Execute("INSERT INTO t SELECT " + number + ", (" + number + ") % 100, " +
                      "concat('cluster', toString(number % 20), repeat('x', 800), toString((" +
                      number + ") % 100)), [" + element(0) + ", " + element(1) + ", " + element(2) +
                      ", " + element(3) + "] FROM numbers(" + std::to_string(kRowsPerPart) + ")");
    }
    database_->Execute("DELETE FROM t WHERE id % 10 = 0");
  }

  std::string Search(const std::string& where, const std::string& settings = "max_threads = 2") {
    return "SELECT id, text, L2Distance(v, [3.5, 3.4, 3.3, 3.6]) AS d FROM t WHERE " + where +
           " ORDER BY d LIMIT 10 SETTINGS " + settings;
  }

  std::string Plan(const std::string& where, const std::string& settings = "max_threads = 2") {
    return Query(*database_, "EXPLAIN indexes = 1 " + Search(where, settings));
  }

  // How many rows WHERE was evaluated for as the walk came to them; 0: for all.
  size_t DecidedRows(const std::string& plan) {
    const size_t place = plan.find("WHERE evaluated for ");
    return place == std::string::npos ? 0 : std::stoul(plan.substr(place + 20));
  }

  uint64_t seed_ = 0;
  std::unique_ptr<Database> database_;
};

TEST_F(LazyFilterTest, ConditionsOverTextAreEvaluatedForFewRows) {
  const std::string where = "text LIKE '%x_5' OR text LIKE '%x__'";
  const std::string plan = Plan(where);
  EXPECT_GT(DecidedRows(plan), 10u) << plan;
  EXPECT_LT(DecidedRows(plan), 2000u) << plan;
  EXPECT_NE(plan.find("the part has no sub-index (1)"), std::string::npos) << plan;

  // The same rows, in the same order, as if it had been evaluated for all of them.
  EXPECT_EQ(Query(*database_, Search(where)),
            Query(*database_, Search(where, "use_skip_indexes = 0")))
      << "seed " << seed_;
}

TEST_F(LazyFilterTest, WhereFewRowsNearTheQueryMatchItIsEvaluatedForAll) {
  for (const char* where : {"text LIKE 'cluster17%'", "text LIKE '%x77'", "text = 'nothing'"}) {
    const std::string plan = Plan(where);
    EXPECT_NE(plan.find("few rows near the query"), std::string::npos) << plan;
    EXPECT_LT(DecidedRows(plan), 5000u) << plan;
    EXPECT_EQ(Query(*database_, Search(where)),
              Query(*database_, Search(where, "use_skip_indexes = 0")))
        << where << ", seed " << seed_;
  }
}

TEST_F(LazyFilterTest, CheapAndRandomConditionsAreEvaluatedForAll) {
  EXPECT_EQ(DecidedRows(Plan("m < 50")), 0u);
  EXPECT_EQ(DecidedRows(Plan("length(text) + rand() % 2 > 5")), 0u);
  EXPECT_EQ(DecidedRows(Plan("text LIKE '%x__'", "vector_search_filter_strategy = 'prefilter'")),
            0u);
}

TEST_F(LazyFilterTest, PostfilterEvaluatesForCandidatesWhateverItCosts) {
  const std::string settings = "vector_search_filter_strategy = 'postfilter'";
  const std::string plan = Plan("m < 50", settings);
  EXPECT_GT(DecidedRows(plan), 10u) << plan;
  for (const char* where : {"m < 50", "m = 3", "id = 11", "m > 200", "id >= 2500 AND id < 9000"}) {
    EXPECT_EQ(Query(*database_, Search(where, settings)),
              Query(*database_, Search(where, "use_skip_indexes = 0")))
        << where << ", seed " << seed_;
  }
}

TEST_F(LazyFilterTest, PagesFollowEachOther) {
  const auto page = [&](const std::string& limit) {
    return Query(*database_,
                 "SELECT id FROM t WHERE text LIKE '%x__' "
                 "ORDER BY L2Distance(v, [3.5, 3.4, 3.3, 3.6]) LIMIT " +
                     limit);
  };
  EXPECT_EQ(page("30"), page("12") + page("18 OFFSET 12"));
}

}  // namespace
}  // namespace granary
