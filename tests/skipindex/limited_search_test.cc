// Searches that may measure only so many rows: they find out early whether enough rows near the
// query are accepted, and lose nothing where they are.
#include "granary/tests/skipindex/vector_index_fixtures.h"

namespace granary {
namespace {

constexpr size_t kRows = 6000;
constexpr size_t kQueries = 20;
constexpr size_t kCount = 10;

class LimitedSearchTest : public testing::Test {
 protected:
  std::span<const float> Query(size_t number) const {
    return {&base_[number * 97 * kDimensions], kDimensions};
  }

  // Accepts all rows but so many of the nearest.
  AcceptSet AllBut(size_t nearest, size_t query) {
    RowBitmap rows(kRows, true);
    const auto order = ExactOrder(opened_.vectors, Metric::kL2, Query(query));
    for (size_t i = 0; i < nearest; ++i) rows.Reset(order[i]);
    return AcceptSet(std::move(rows));
  }

  struct Outcome {
    std::vector<Candidate> candidates;
    size_t visited = 0;
  };
  Outcome Search(size_t query, size_t max_visited, AcceptSet accept, size_t effort = 600) {
    const auto search = opened_.Start(Query(query), kCount, effort, &accept, max_visited);
    Outcome outcome;
    search->Next(outcome.candidates, opened_.test.context);
    outcome.visited = search->visited();
    return outcome;
  }

  const std::vector<float> base_ = ClusteredVectors(kRows, kDimensions, 21, 1);
  Opened opened_{Declare(Arguments(Metric::kL2, "i8")), RowsOf(base_, kDimensions)};
};

TEST_F(LimitedSearchTest, GivesUpAfterOneStepWhereNoRowNearTheQueryIsAccepted) {
  for (size_t query = 0; query < kQueries; ++query) {
    const Outcome full = Search(query, 0, AllBut(0, query));
    const Outcome limited = Search(query, full.visited, AllBut(kRows / 2, query));
    EXPECT_TRUE(limited.candidates.empty()) << query;
    EXPECT_LT(limited.visited, full.visited / 3) << query;
    // Without a limit it goes on.
    EXPECT_GE(Search(query, 0, AllBut(kRows / 2, query)).candidates.size(), kCount) << query;
  }
}

TEST_F(LimitedSearchTest, FindsTheSameRowsWhereEnoughAreAccepted) {
  size_t same = 0;
  size_t all = 0;
  for (size_t query = 0; query < kQueries; ++query) {
    const Outcome full = Search(query, 0, LazilyEveryNth(kRows, 2));
    const Outcome limited = Search(query, kRows, LazilyEveryNth(kRows, 2));
    ASSERT_GE(limited.candidates.size(), kCount) << query;
    for (size_t i = 0; i < kCount; ++i) {
      same += limited.candidates[i].row == full.candidates[i].row ? 1 : 0;
    }
    all += kCount;
  }
  EXPECT_GE(same, all * 98 / 100);
}

TEST_F(LimitedSearchTest, IsCutShortWhereItTakesMoreThanWasPredicted) {
  for (size_t query = 0; query < kQueries; ++query) {
    // All rows of the first step are accepted, and as many as are wanted.
    const Outcome full = Search(query, 0, AllBut(0, query), 128);
    const Outcome limited = Search(query, full.visited / 4, AllBut(0, query), 128);
    EXPECT_TRUE(limited.candidates.empty()) << query;
    EXPECT_LT(limited.visited, full.visited) << query;
    EXPECT_GE(Search(query, full.visited, AllBut(0, query), 128).candidates.size(), kCount);
  }
}

}  // namespace
}  // namespace granary
