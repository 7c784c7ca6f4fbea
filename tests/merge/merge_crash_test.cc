// The machine stops after every single file operation of a merge, in every way a disk can look
// afterwards: nothing may be lost, nothing doubled, and the table must open and go on.
#include <algorithm>
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/merge/merge_task.h"
#include "granary/merge/mutation_task.h"
#include "granary/tests/merge/test_table.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

using granary::testing::TestContext;
using granary::testing::TestRow;
using granary::testing::TestTable;
using granary::testing::TestTableOptions;
using granary::testing::TinySettings;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Survivors = SimulatedDisk::Survivors;

TestTableOptions Options() {
  TestTableOptions options;
  options.settings = TinySettings();
  options.minmax_index = true;
  options.vector_index = true;
  return options;
}

using Workload = std::function<void(TestTable&)>;

void MergeAll(TestTable& table) {
  TestContext context;
  const PartSetPtr base = table.store().parts();
  EXPECT_TRUE(MergeParts(table.store(), base, table.Parts(), context.context));
}

// A table of three parts on a new disk.
std::shared_ptr<SimulatedDisk> PreparedDisk() {
  auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
  TestTable table(disk, Options());
  table.InsertKeys(0, 3, 6, "a");
  table.InsertKeys(0, 2, 6, "b");
  table.InsertKeys(1, 5, 2, "c");
  return disk;
}

// What may be found after a stop: exactly one of these.
using Outcomes = std::vector<std::vector<TestRow>>;

void ExpectOneOf(const Outcomes& outcomes, std::shared_ptr<SimulatedDisk> disk) {
  TestTable table(disk, Options());
  for (const std::string& warning : table.warnings()) {
    EXPECT_THAT(warning, AnyOf(HasSubstr("behind the last whole record"),
                               HasSubstr("one of two copies"), HasSubstr("no record of")));
  }
  const std::vector<TestRow> rows = table.SortedRows();
  EXPECT_TRUE(std::find(outcomes.begin(), outcomes.end(), rows) != outcomes.end())
      << rows.size() << " rows in " << table.Parts().size() << " parts";
  TestContext context;
  for (const PartPtr& part : table.Parts()) EXPECT_TRUE(part->Check(context.context).empty());
  table.InsertKeys(1000, 1, 5);
  MergeAll(table);
  EXPECT_EQ(table.Parts().size(), 1u);
  EXPECT_EQ(table.Rows().size(), rows.size() + 5);
}

void StopAfterEveryOperation(const Workload& workload, const Outcomes& outcomes) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  uint64_t stops = 0;
  for (bool finished = false; !finished; ++stops) {
    const std::shared_ptr<SimulatedDisk> disk = PreparedDisk();
    {
      TestTable table(disk, Options());
      disk->StopAfter(disk->operations() + stops);
      try {
        workload(table);
        finished = true;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kAborted) << error.what();
      }
      // The process is gone before it can tidy up: what follows fails as well.
      ExpectOneOf(outcomes, disk->AfterPowerCut(Survivors::kAll));
      ExpectOneOf(outcomes, disk->AfterPowerCut(Survivors::kSynced));
      for (uint64_t i = 0; i < 3; ++i) {
        ExpectOneOf(outcomes, disk->AfterPowerCut(Survivors::kRandom, seed + 100 * stops + i));
      }
    }
    if (::testing::Test::HasFailure()) FAIL() << "stopped after " << stops << " operations";
  }
  EXPECT_GT(stops, 15u);
}

std::vector<TestRow> PreparedRows() { return TestTable(PreparedDisk(), Options()).SortedRows(); }

TEST(MergeCrashTest, AMergeLosesAndDoublesNothing) {
  StopAfterEveryOperation(MergeAll, {PreparedRows()});
}

TEST(MergeCrashTest, AMutationLosesAndDoublesNothing) {
  const Workload clear_index = [](TestTable& table) {
    TestContext context;
    const PartSetPtr base = table.store().parts();
    EXPECT_TRUE(MutateIndex(table.store(), base, table.Parts(), "near", IndexMutation::kClear,
                            context.context));
  };
  StopAfterEveryOperation(clear_index, {PreparedRows()});
}

TEST(MergeCrashTest, AnInsertAfterAMergeIsThereWholeOrNotAtAll) {
  const std::vector<TestRow> before = PreparedRows();
  TestTable table(PreparedDisk(), Options());
  table.InsertKeys(7, 7, 7, "d");
  const Workload merge_and_insert = [](TestTable& merged) {
    MergeAll(merged);
    merged.InsertKeys(7, 7, 7, "d");
  };
  StopAfterEveryOperation(merge_and_insert, {before, table.SortedRows()});
}

TEST(MergeCrashTest, TruncateAfterAMergeLeavesAllOrNothing) {
  const Workload merge_and_truncate = [](TestTable& merged) {
    MergeAll(merged);
    merged.store().Truncate();
  };
  StopAfterEveryOperation(merge_and_truncate, {PreparedRows(), {}});
}

// The rows of PreparedRows() without some keys.
std::vector<TestRow> PreparedRowsWithout(const std::set<uint64_t>& keys) {
  std::vector<TestRow> rows = PreparedRows();
  std::erase_if(rows, [&](const TestRow& row) { return keys.contains(row.key); });
  return rows;
}

TEST(MergeCrashTest, ADeleteAndTheMergeAfterItAreWholeOrNotAtAll) {
  const Workload delete_and_merge = [](TestTable& table) {
    table.DeleteKeys({0, 3, 6});
    MergeAll(table);
    table.DeleteKeys({2, 4});
  };
  StopAfterEveryOperation(delete_and_merge, {PreparedRows(), PreparedRowsWithout({0, 3, 6}),
                                             PreparedRowsWithout({0, 2, 3, 4, 6})});
}

TEST(MergeCrashTest, ADeleteDuringAMergeIsWholeOrNotAtAll) {
  const Workload merge_meanwhile = [](TestTable& table) {
    TestContext context;
    const PartSetPtr base = table.store().parts();
    const MergeOutput merged = WriteMergedPart(table.store(), base, table.Parts(),
                                               {.indexes = IndexesToMerge(*base)}, context.context);
    table.DeleteKeys({0, 3, 6});
    EXPECT_TRUE(table.store().CommitMerge(base, {&merged, 1}));
  };
  StopAfterEveryOperation(merge_meanwhile, {PreparedRows(), PreparedRowsWithout({0, 3, 6})});
}

// A merge that was acknowledged is still there after a power cut: the inputs are not back.
TEST(MergeCrashTest, AFinishedMergeIsDurable) {
  const std::shared_ptr<SimulatedDisk> disk = PreparedDisk();
  TestTable table(disk, Options());
  MergeAll(table);
  TestTable again(disk->AfterPowerCut(Survivors::kSynced), Options());
  ASSERT_EQ(again.Parts().size(), 1u);
  EXPECT_EQ(again.Parts().front()->name_text(), table.Parts().front()->name_text());
}

}  // namespace
}  // namespace granary
