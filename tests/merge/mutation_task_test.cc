#include "granary/merge/mutation_task.h"

#include <gtest/gtest.h>

#include "granary/tests/merge/test_table.h"

namespace granary {
namespace {

using granary::testing::TestContext;
using granary::testing::TestRow;
using granary::testing::TestTable;
using granary::testing::TestTableOptions;
using granary::testing::TinySettings;

class MutationTaskTest : public ::testing::Test {
 protected:
  static TestTableOptions Options() {
    TestTableOptions options;
    options.settings = TinySettings();
    options.minmax_index = true;
    options.vector_index = true;
    return options;
  }

  bool Mutate(const char* index, IndexMutation mutation) {
    const PartSetPtr base = table_.store().parts();
    return MutateIndex(table_.store(), base, PartsToMutate(*base, index, mutation), index, mutation,
                       context_.context);
  }

  size_t PartsWith(const char* index) {
    const PartSetPtr set = table_.store().parts();
    size_t count = 0;
    for (const VisiblePart& visible : set->parts) {
      count += visible.part->FindIndex(*set->FindIndex(index)) != nullptr;
    }
    return count;
  }

  const std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
  TestTable table_{disk_, Options()};
  TestContext context_;
};

TEST_F(MutationTaskTest, ClearAndMaterializeChangeOneIndexOnly) {
  table_.InsertKeys(0, 3, 10);
  table_.InsertKeys(1, 3, 10);
  table_.InsertKeys(2, 3, 10);
  const std::vector<TestRow> rows = table_.Rows();
  EXPECT_EQ(PartsWith("near"), 3u);

  EXPECT_TRUE(Mutate("near", IndexMutation::kClear));
  EXPECT_EQ(PartsWith("near"), 0u);
  EXPECT_EQ(PartsWith("key_range"), 3u);
  EXPECT_EQ(table_.Parts().size(), 3u);
  EXPECT_EQ(table_.Rows(), rows);

  EXPECT_TRUE(Mutate("near", IndexMutation::kMaterialize));
  EXPECT_EQ(PartsWith("near"), 3u);
  EXPECT_EQ(PartsWith("key_range"), 3u);
  EXPECT_EQ(table_.Rows(), rows);
  EXPECT_EQ(context_.progress.rows_done, 30u + 60u);
  EXPECT_EQ(context_.progress.rows_total, 30u + 60u);
}

TEST_F(MutationTaskTest, PartsThatNeedNothingAreLeftAlone) {
  table_.InsertKeys(0, 3, 10);
  const auto parts_to = [&](IndexMutation mutation) {
    return PartsToMutate(*table_.store().parts(), "near", mutation).size();
  };
  EXPECT_EQ(parts_to(IndexMutation::kMaterialize), 0u);
  EXPECT_EQ(parts_to(IndexMutation::kClear), 1u);
  EXPECT_TRUE(Mutate("near", IndexMutation::kClear));
  table_.InsertKeys(1, 3, 10);
  EXPECT_EQ(parts_to(IndexMutation::kMaterialize), 1u);
  EXPECT_EQ(parts_to(IndexMutation::kClear), 1u);
}

TEST_F(MutationTaskTest, AllPartsChangeTogetherOrNone) {
  table_.InsertKeys(0, 3, 10);
  table_.InsertKeys(1, 3, 10);
  const PartSetPtr base = table_.store().parts();
  const std::vector<PartPtr> parts = table_.Parts();
  {
    const PartSetPtr before = table_.store().parts();
    EXPECT_TRUE(MutateIndex(table_.store(), before, {&before->parts[0].part, 1}, "near",
                            IndexMutation::kClear, context_.context));
  }
  EXPECT_FALSE(
      MutateIndex(table_.store(), base, parts, "near", IndexMutation::kClear, context_.context));
  EXPECT_EQ(PartsWith("near"), 1u);
}

TEST_F(MutationTaskTest, UnknownIndexIsAnError) {
  table_.InsertKeys(0, 3, 10);
  try {
    Mutate("nothing", IndexMutation::kMaterialize);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnknownIdentifier);
  }
}

TEST_F(MutationTaskTest, ACancelledMutationChangesNothing) {
  table_.InsertKeys(0, 3, 10);
  const uint64_t used = disk_->used_bytes();
  context_.cancel.Cancel();
  EXPECT_THROW(Mutate("near", IndexMutation::kClear), Error);
  EXPECT_EQ(PartsWith("near"), 1u);
  EXPECT_EQ(disk_->used_bytes(), used);
}

TEST_F(MutationTaskTest, TheResultSurvivesARestart) {
  table_.InsertKeys(0, 3, 10);
  const std::vector<TestRow> rows = table_.Rows();
  EXPECT_TRUE(Mutate("near", IndexMutation::kClear));
  TestTable again(disk_->AfterPowerCut(SimulatedDisk::Survivors::kSynced), Options());
  EXPECT_EQ(again.Rows(), rows);
  EXPECT_EQ(again.Parts().front()->indexes().size(), 1u);
}

}  // namespace
}  // namespace granary
