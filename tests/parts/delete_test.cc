// Delete masks in the commit log: what CommitDeletes and CommitMerge make of them, and what is
// found when the table is opened again.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/commit_log.h"
#include "granary/parts/part_reader.h"
#include "granary/parts/table_log.h"
#include "granary/tests/parts/test_table.h"
#include "granary/tests/random_seed.h"

namespace granary::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RowBitmap Bits(size_t rows, std::initializer_list<size_t> set) {
  RowBitmap bitmap(rows);
  for (const size_t row : set) bitmap.Set(row);
  return bitmap;
}

class DeleteTest : public ::testing::Test {
 protected:
  DeleteTest() {
    table_.Create();
    table_.Open();
  }

  void InsertNumbers(uint64_t first, size_t count) {
    std::vector<uint64_t> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = first + i;
    table_.Insert(Block({{"a", Numbers(values)}}));
  }

  PartPtr PartAt(size_t index) { return table_.store().parts()->parts.at(index).part; }

  // Rows of the part at this place of the set.
  bool Delete(size_t index, std::initializer_list<size_t> rows) {
    const PartPtr part = PartAt(index);
    const PartDelete deleted{part, Bits(part->rows(), rows)};
    return table_.store().CommitDeletes({&deleted, 1});
  }

  // All live rows of the set in one part, as CommitMerge gets it.
  MergeOutput MergeLive(const PartSetPtr& base) {
    MergeOutput output;
    for (const VisiblePart& visible : base->parts) output.inputs.push_back(visible.part);
    output.rows = MergeRowMap(output.inputs.size());
    const auto writer = table_.store().NewMergeWriter(base, output.inputs, {}, table_.context());
    for (size_t i = 0; i < base->parts.size(); ++i) {
      const VisiblePart& visible = base->parts[i];
      PartReader reader(visible.part, {"a"}, table_.context());
      Block block = reader.Read(visible.part->all_granules());
      if (visible.dead != nullptr) {
        block = block.Filter(visible.dead->LiveMask(0, block.rows()), visible.live_rows());
        output.rows.dropped(i) = visible.dead->rows();
      }
      writer->Append(block);
      output.rows.Append(static_cast<uint32_t>(i), block.rows());
    }
    output.part = writer->Finish();
    return output;
  }

  std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
  TestTable table_{disk_, "column a UInt64\nset index_granularity 2\n"};
};

TEST_F(DeleteTest, RowsAreDeadForNewReadersAndAfterReopening) {
  InsertNumbers(0, 5);
  InsertNumbers(10, 3);
  const PartSetPtr before = table_.store().parts();
  const uint64_t operations = disk_->operations();
  int changes = 0;
  table_.store().SetListener([&] { ++changes; });
  EXPECT_TRUE(Delete(0, {0, 3}));
  EXPECT_LE(disk_->operations() - operations, 3u) << "a delete is one record";
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(before->live_rows(), 8u) << "a snapshot stays";
  EXPECT_EQ(table_.store().parts()->live_rows(), 6u);
  EXPECT_EQ(table_.store().parts()->parts[0].dead_rows(), 2u);
  EXPECT_EQ(table_.store().parts()->parts[1].dead, nullptr);
  EXPECT_TRUE(Delete(0, {0, 4}));
  EXPECT_TRUE(Delete(1, {1}));
  EXPECT_THAT(table_.Rows(), ElementsAre("1", "2", "10", "12"));
  table_.Open();
  EXPECT_THAT(table_.Rows(), ElementsAre("1", "2", "10", "12"));
  TestTable after(disk_->AfterPowerCut(SimulatedDisk::Survivors::kSynced), table_.definition());
  after.Open();
  EXPECT_THAT(after.Rows(), ElementsAre("1", "2", "10", "12"));
}

TEST_F(DeleteTest, WhatIsDeadAlreadyIsNotWrittenAgain) {
  InsertNumbers(0, 5);
  EXPECT_TRUE(Delete(0, {1, 2}));
  const uint64_t operations = disk_->operations();
  EXPECT_TRUE(Delete(0, {2}));
  EXPECT_TRUE(Delete(0, {}));
  EXPECT_EQ(disk_->operations(), operations);
}

TEST_F(DeleteTest, NothingIsDeletedIfAPartHasGone) {
  InsertNumbers(0, 3);
  InsertNumbers(10, 3);
  const std::vector<PartDelete> deletes = {{PartAt(0), Bits(3, {0})}, {PartAt(1), Bits(3, {0})}};
  const PartSetPtr base = table_.store().parts();
  const MergeOutput moved{{PartAt(1)}, nullptr, {}};
  ASSERT_TRUE(table_.store().CommitMerge(base, {&moved, 1}));
  EXPECT_FALSE(table_.store().CommitDeletes(deletes));
  EXPECT_THAT(table_.Rows(), ElementsAre("0", "1", "2"));
}

TEST_F(DeleteTest, AMergeCarriesOverWhatDiedMeanwhile) {
  InsertNumbers(0, 4);
  InsertNumbers(10, 4);
  ASSERT_TRUE(Delete(0, {1}));
  const PartSetPtr base = table_.store().parts();
  const MergeOutput merged = MergeLive(base);
  EXPECT_EQ(merged.part->rows(), 7u);
  ASSERT_TRUE(Delete(0, {1, 3}));
  ASSERT_TRUE(Delete(1, {0}));
  ASSERT_TRUE(table_.store().CommitMerge(base, {&merged, 1}));
  EXPECT_THAT(table_.Rows(), ElementsAre("0", "2", "11", "12", "13"));
  EXPECT_EQ(table_.store().parts()->parts.at(0).dead_rows(), 2u);
  table_.Open();
  EXPECT_THAT(table_.Rows(), ElementsAre("0", "2", "11", "12", "13"));
}

TEST_F(DeleteTest, AMergeThatDoesNotKnowWhereItsRowsWentIsRefused) {
  InsertNumbers(0, 4);
  const PartSetPtr base = table_.store().parts();
  MergeOutput merged = MergeLive(base);
  merged.rows = {};
  ASSERT_TRUE(Delete(0, {1}));
  EXPECT_THROW(table_.store().CommitMerge(base, {&merged, 1}), Error);
  EXPECT_THAT(table_.Rows(), ElementsAre("0", "2", "3"));
}

TEST_F(DeleteTest, TheLogForgetsTheMasksOfPartsThatAreGone) {
  constexpr size_t kRows = 60000;
  const auto log_bytes = [&] { return disk_->Size("/t/commit_log"); };
  for (int round = 0; round < 10; ++round) {
    InsertNumbers(0, kRows);
    const PartSetPtr base = table_.store().parts();
    RowBitmap odd(kRows);
    for (size_t row = 1; row < kRows; row += 2) odd.Set(row);
    const PartDelete deleted{base->parts.at(0).part, odd};
    ASSERT_TRUE(table_.store().CommitDeletes({&deleted, 1}));
    const PartSetPtr masked = table_.store().parts();
    EXPECT_EQ(masked->live_rows(), kRows / 2);
    if (round == 0) {
      EXPECT_GT(log_bytes(), kRows / 2);
      table_.Open();
      EXPECT_EQ(table_.store().parts()->live_rows(), kRows / 2);
    }
    table_.store().Truncate();
  }
  InsertNumbers(0, 1);
  EXPECT_LT(log_bytes(), 3 * kRows) << "ten masks of about 60 kB each were written";
}

TEST_F(DeleteTest, FoldingKeepsTheMasks) {
  InsertNumbers(0, 700);
  for (size_t row = 0; row < 600; ++row) ASSERT_TRUE(Delete(0, {row}));
  EXPECT_EQ(table_.Open().parts()->live_rows(), 100u);
}

TEST(TableLogTest, DeadRowsSurviveTheirEncoding) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    RowBitmap rows(1 + random() % 400);
    const size_t share = 1 + random() % 70;
    for (size_t row = 0; row < rows.size(); ++row) {
      if (random() % share == 0) rows.Set(row);
    }
    if (random() % 4 == 0) rows.SetRange(0, rows.size());
    TableChange change;
    change.dead["p_1_1_0"] = std::make_shared<DeadRows>(rows);
    const TableChange decoded = DecodeTableChange(EncodeTableChange(change), "test");
    ASSERT_EQ(decoded.dead.at("p_1_1_0")->rows().size(), rows.size());
    ASSERT_EQ(decoded.dead.at("p_1_1_0")->rows().Rows(), rows.Rows()) << "round " << round;
  }
}

TEST(TableLogTest, MasksThatDoNotFitAreDamage) {
  TableState state;
  TableChange unknown;
  unknown.dead["p_1_1_0"] = std::make_shared<DeadRows>(Bits(4, {1}));
  EXPECT_THROW(state.Apply(unknown, "log"), Error);
  TableChange added;
  added.added.push_back({"p", 1, 1, 0, 0});
  state.Apply(added, "log");
  state.Apply(unknown, "log");
  TableChange longer;
  longer.dead["p_1_1_0"] = std::make_shared<DeadRows>(Bits(5, {1}));
  EXPECT_THROW(state.Apply(longer, "log"), Error);
  // A run that leaves the part: 4 rows, one run, behind 3 live rows 2 dead ones.
  TableChange whole;
  whole.dead["p"] = std::make_shared<DeadRows>(Bits(4, {3}));
  std::vector<std::byte> record = EncodeTableChange(whole);
  record.back() = std::byte{2};
  EXPECT_THROW(DecodeTableChange(record, "log"), Error);
}

TEST_F(DeleteTest, AMaskForAnotherNumberOfRowsPutsThePartAside) {
  InsertNumbers(0, 4);
  table_.Close();
  TableChange change;
  change.dead["all_1_1_0"] = std::make_shared<DeadRows>(Bits(9, {7}));
  const CommitLog::Contents contents = CommitLog::Read(*disk_, "/t/commit_log", LogOwner());
  CommitLog log(disk_, "/t/commit_log", LogOwner(), contents);
  CommitLog::Change entry;
  entry.record = EncodeTableChange(change);
  log.Commit(entry, 100, 1000000);
  table_.Open();
  EXPECT_THAT(table_.Rows(), IsEmpty());
  EXPECT_THAT(table_.context().warnings, ElementsAre(HasSubstr("deletes rows of one with 9")));
}

}  // namespace
}  // namespace granary::testing
