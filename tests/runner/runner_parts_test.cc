// The runner's parts that can be tried without a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/examples/runner/line_editor.h"
#include "granary/examples/runner/progress_bar.h"
#include "granary/examples/runner/statement_end.h"

namespace granary::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(EndsStatement, SemicolonsInQuotesAndCommentsDoNotCount) {
  for (const char* text : {"SELECT 1;", "SELECT 1;  \n", "SELECT 1; -- done", "SELECT 1; /* x */ ",
                           "SELECT ';';", "SELECT 1\\G", "SELECT 'it''s';", "SELECT '\\'';", ";"}) {
    EXPECT_TRUE(EndsStatement(text)) << text;
  }
  for (const char* text : {"", "SELECT 1", "SELECT ';", "SELECT 1 -- ;", "SELECT 1 /* ;",
                           "SELECT ';'", "SELECT 1; SELECT 2", "SELECT `;", "SELECT '\\';"}) {
    EXPECT_FALSE(EndsStatement(text)) << text;
  }
}

TEST(Complete, AddsWhatAllChoicesShare) {
  const std::vector<std::string> words = {"SELECT", "SET",       "SETTINGS",
                                          "words",  "word_rank", "words"};
  EXPECT_EQ(Complete("sel", words).added, "ECT");
  EXPECT_EQ(Complete("SELECT w", words).added, "ord");
  EXPECT_THAT(Complete("SELECT word", words).choices, ElementsAre("word_rank", "words"));
  EXPECT_EQ(Complete("SELECT word", words).added, "");
  EXPECT_THAT(Complete("SELECT ", words).choices, ElementsAre());
  EXPECT_THAT(Complete("nothing_like_it", words).choices, ElementsAre());
}

TEST(ProgressLine, ShowsRateShareAndTimeLeftAsFarAsTheyFit) {
  const StatementProgress progress{
      .rows_done = 1250000, .bytes_done = 410000000, .elapsed_seconds = 5};
  const std::string counts = "1.25 million rows, 410.00 MB (250.00 thousand rows/s.)";
  EXPECT_EQ(ProgressLine(progress, 0, 100), counts);
  const std::string wide = ProgressLine(progress, 0.25, 100);
  EXPECT_THAT(wide, HasSubstr(counts + " ━"));
  EXPECT_THAT(wide, EndsWith("─  25%, 15 s left"));
  const std::string narrow = ProgressLine(progress, 0.25, counts.size() + 18);
  EXPECT_THAT(narrow, EndsWith("  25%, 15 s left"));
  EXPECT_THAT(narrow, Not(HasSubstr("━━")));
  EXPECT_EQ(ProgressLine(progress, 0.25, 20), counts.substr(0, 20));
  EXPECT_THAT(ProgressLine(progress, 2, 100), EndsWith("100%, 0 s left"));
}

TEST(Readable, UnitsGrowByThousands) {
  EXPECT_EQ(ReadableCount(0), "0.00");
  EXPECT_EQ(ReadableCount(999), "999.00");
  EXPECT_EQ(ReadableCount(1250000), "1.25 million");
  EXPECT_EQ(ReadableBytes(4.1e8), "410.00 MB");
  EXPECT_EQ(ReadableBytes(5e15), "5000.00 TB");
}

}  // namespace
}  // namespace granary::runner
