// Replays recorded.txt: statements with ClickHouse's answers. A listed difference has to stand as
// listed; once Granary answers as ClickHouse does, its entry must go.
#include <map>

#include <gtest/gtest.h>

#include "differences.h"
#include "granary_peer.h"
#include "recording.h"

namespace granary::differential {
namespace {

std::filesystem::path Directory() {
  return std::filesystem::path(GRANARY_SOURCE_DIR) / "tests/differential";
}

struct Counts {
  size_t queries = 0;
  size_t refusals = 0;
  size_t differences = 0;
};

void CheckQuery(const RecordedStatement& recorded, const Differences& differences,
                GranaryPeer& granary, Counts& counts) {
  SCOPED_TRACE(recorded.statement.sql);
  const Answer ours = granary.Ask(recorded.statement);
  const std::string outcome = CompareAnswers(recorded.statement, ours, recorded.answer);
  ++counts.queries;
  counts.refusals += recorded.answer.error != 0;
  if (recorded.difference.empty()) {
    EXPECT_EQ(outcome, "") << "Granary:    " << ours.Text()
                           << "\nClickHouse: " << recorded.answer.Text();
    return;
  }
  ++counts.differences;
  const Difference* const listed = differences.Named(recorded.difference);
  ASSERT_NE(listed, nullptr) << "differences.txt has no '" << recorded.difference
                             << "'; record again";
  EXPECT_NE(outcome, "") << "is mended: delete '" << recorded.difference
                         << "' from differences.txt and record again";
  if (outcome.empty()) return;
  EXPECT_TRUE(listed->Covers(outcome, recorded.statement.sql, ours))
      << "differs otherwise than listed: " << outcome << "\nGranary:    " << ours.Text()
      << "\nClickHouse: " << recorded.answer.Text();
}

TEST(Differential, RecordedAnswers) {
  const Differences differences = Differences::Read(Directory() / "differences.txt");
  GranaryPeer granary;
  Counts counts;
  ReadRecording(Directory() / "recorded.txt", [&](const RecordedStatement& recorded) {
    if (!recorded.is_change) return CheckQuery(recorded, differences, granary, counts);
    const Answer answer = granary.Ask(recorded.statement);
    EXPECT_EQ(answer.error, 0) << recorded.statement.sql << "\n" << answer.Text();
  });
  EXPECT_GE(counts.queries, 5000u);
  EXPECT_GE(counts.refusals, 100u);
  EXPECT_GE(counts.differences, 20u);
}

TEST(Differential, NamesOfDifferencesAreUnique) {
  const Differences differences = Differences::Read(Directory() / "differences.txt");
  std::map<std::string, size_t> names;
  for (const Difference& difference : differences.all()) ++names[difference.name];
  for (const auto& [name, count] : names) EXPECT_EQ(count, 1u) << name;
}

TEST(Differential, ComparesFloatsByTheRule) {
  const Statement exact, inexact{.exact = false};
  const Answer one{.types = {"Float64"}, .rows = {"1"}};
  const Answer near{.types = {"Float64"}, .rows = {"1.0000000000001"}};
  const Answer far{.types = {"Float64"}, .rows = {"1.00001"}};
  EXPECT_EQ(CompareAnswers(exact, one, one), "");
  EXPECT_EQ(CompareAnswers(exact, near, one), "rows");
  EXPECT_EQ(CompareAnswers(inexact, near, one), "");
  EXPECT_EQ(CompareAnswers(inexact, far, one), "rows");
}

}  // namespace
}  // namespace granary::differential
