// The visible part set: snapshots, compare-and-swap, listeners, indexes, failed statements.
#include "granary/parts/table_store.h"

#include <algorithm>
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/part_reader.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ErrorCode CodeOf(const std::function<void()>& statement) {
  try {
    statement();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kLogicalError;
}

class TableStoreTest : public ::testing::Test {
 protected:
  Block Row(uint64_t a) { return Block({{"a", Numbers({a})}}); }

  // A merge of `inputs` that keeps their rows.
  PartPtr Merge(TestTable& table, const PartSetPtr& base, std::span<const PartPtr> inputs,
                const MergeWriterOptions& options = {}) {
    const auto writer = table.store().NewMergeWriter(base, inputs, options, table.context());
    std::vector<std::string> columns;
    for (const auto& column : base->schema->columns) columns.push_back(column.name);
    for (const PartPtr& input : inputs) {
      PartReader reader(input, columns, table.context());
      writer->Append(reader.Read(input->all_granules()));
    }
    return writer->Finish();
  }

  static std::vector<PartPtr> PartsOf(const PartSetPtr& set) {
    std::vector<PartPtr> parts;
    for (const VisiblePart& visible : set->parts) parts.push_back(visible.part);
    return parts;
  }

  std::vector<std::string> PartDirectories() {
    return granary::testing::PartDirectories(*disk_, "/t");
  }

  std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
};

TEST_F(TableStoreTest, ReadersKeepTheirPartsWhileMergesReplaceThem) {
  TestTable table(disk_, "column a UInt64\norder a\n");
  table.Create();
  TableStore& store = table.Open();
  int changes = 0;
  store.SetListener([&] {
    ++changes;
    store.parts();  // no lock is held
  });
  table.Insert(Row(1));
  table.Insert(Row(2));
  PartSetPtr before = store.parts();
  std::vector<PartPtr> inputs = PartsOf(before);
  const PartPtr merged = Merge(table, before, inputs);
  EXPECT_EQ(merged->name_text(), "all_1_2_1");
  EXPECT_EQ(store.parts(), before);
  ASSERT_TRUE(store.CommitMerge(before, Replacing(inputs, merged)));
  EXPECT_EQ(changes, 3);
  EXPECT_THAT(table.Rows(), ElementsAre("1", "2"));
  EXPECT_THAT(PartDirectories(), SizeIs(3));
  PartReader reader(inputs[0], {"a"}, table.context());
  EXPECT_EQ(reader.Read({0, 1}).rows(), 1u);
  inputs.clear();
  before.reset();
  EXPECT_THAT(PartDirectories(), SizeIs(2)) << "the reader still holds one";
}

TEST_F(TableStoreTest, FilesOfReplacedPartsGoWithTheirLastReader) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Row(1));
  PartSetPtr held = store.parts();
  store.Truncate();
  EXPECT_THAT(table.Rows(), IsEmpty());
  EXPECT_THAT(PartDirectories(), ElementsAre("all_1_1_0"));
  held.reset();
  EXPECT_THAT(PartDirectories(), IsEmpty());
  table.Open();
  EXPECT_THAT(table.Rows(), IsEmpty());
  table.Insert(Row(2));
  EXPECT_THAT(PartDirectories(), ElementsAre("all_2_2_0")) << "names are never used again";
}

TEST_F(TableStoreTest, MergeWhoseInputVanishedIsDiscardedWithItsBytes) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Row(1));
  PartSetPtr base = store.parts();
  std::vector<PartPtr> inputs = PartsOf(base);
  PartPtr merged = Merge(table, base, inputs);
  store.Truncate();
  EXPECT_FALSE(store.CommitMerge(base, Replacing(inputs, merged)));
  merged.reset();
  inputs.clear();
  base.reset();
  EXPECT_THAT(PartDirectories(), IsEmpty());
  EXPECT_THAT(table.Rows(), IsEmpty());
}

TEST_F(TableStoreTest, AbandonedMergeDoesNotLendItsName) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Row(1));
  const PartSetPtr base = store.parts();
  const std::vector<PartPtr> inputs = PartsOf(base);
  PartPtr abandoned = Merge(table, base, inputs);
  const PartPtr second = Merge(table, base, inputs);
  EXPECT_EQ(second->name_text(), "all_1_1_1_1");
  EXPECT_TRUE(store.CommitMerge(base, Replacing(inputs, second)));
  abandoned.reset();
  EXPECT_THAT(table.Rows(), ElementsAre("1"));
}

TEST_F(TableStoreTest, MergeUnderAnotherSchemaIsDiscarded) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Row(1));
  const PartSetPtr base = store.parts();
  const std::vector<PartPtr> inputs = PartsOf(base);
  const PartPtr merged = Merge(table, base, inputs);
  const std::string altered = "column a UInt64\nindex r a range 1\n";
  EXPECT_TRUE(store.CommitSchema(base, altered));
  EXPECT_FALSE(store.CommitSchema(base, "column a UInt64\n")) << "base is not current any more";
  EXPECT_FALSE(store.CommitMerge(base, Replacing(inputs, merged)));
  EXPECT_EQ(table.Open().parts()->schema->definition, altered);
  EXPECT_THAT(table.Rows(), ElementsAre("1"));
}

TEST_F(TableStoreTest, MergeThatLeavesNoRowsAddsNothing) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Row(1));
  const PartSetPtr base = store.parts();
  const std::vector<PartPtr> inputs = PartsOf(base);
  const auto writer = store.NewMergeWriter(base, inputs, {}, table.context());
  EXPECT_EQ(writer->Finish(), nullptr);
  EXPECT_TRUE(store.CommitMerge(base, Replacing(inputs, nullptr)));
  EXPECT_THAT(table.Open().parts()->parts, IsEmpty());
}

TEST_F(TableStoreTest, IndexesAreBuiltPerIndexBlockAndAnswerAfterReopening) {
  for (const char* wide : {"0", "1000000"}) {
    TestTable table(disk_,
                    std::string("column a UInt64\norder a\nindex r a range 2\n"
                                "set index_granularity 3\nset min_bytes_for_wide_part ") +
                        wide + "\n",
                    std::string("/t") + wide);
    table.Create();
    table.Open();
    std::vector<uint64_t> values(20);
    for (size_t i = 0; i < values.size(); ++i) values[i] = i * 10;
    table.Insert(Block({{"a", Numbers(values)}}));
    const PartSetPtr set = table.Open().parts();
    const PartPtr part = table.OnlyPart();
    const DeclaredIndex& index = *set->FindIndex("r");
    const PartIndex* built = part->FindIndex(index);
    ASSERT_NE(built, nullptr);
    ASSERT_THAT(built->blocks, SizeIs(4));
    EXPECT_EQ(built->blocks[3].rows, 2u);
    for (size_t block = 0; block < 4; ++block) {
      const auto sub_index = part->OpenSubIndex(index, block, table.context());
      ASSERT_NE(sub_index, nullptr);
      EXPECT_EQ(part->OpenSubIndex(index, block, table.context()), sub_index) << "cached";
      const auto equals = [](uint64_t value) {
        return Predicate::Atom({"a", PredicateOp::kEqual, {Value(value)}});
      };
      EXPECT_TRUE(sub_index->pruner()->MayMatch(equals(block * 60)));
      EXPECT_FALSE(sub_index->pruner()->MayMatch(equals(block * 60 + 59)));
    }
    EXPECT_THAT(table.context().warnings, IsEmpty());
  }
}

TEST_F(TableStoreTest, IndexBlockEndsEarlyAtItsByteLimit) {
  TestTable table(disk_,
                  "column v Array(Float32)\nindex c v copy 1000\nset index_granularity 2\n"
                  "set index_block_bytes_max 40\n");
  table.Create();
  table.Open();
  table.Insert(Block({{"v", Floats({{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}, {1, 1}, {2, 2}})}}));
  const PartPtr part = table.OnlyPart();
  const PartIndex* built = part->FindIndex(*table.store().parts()->FindIndex("c"));
  ASSERT_NE(built, nullptr);
  ASSERT_THAT(built->blocks, SizeIs(2));
  EXPECT_EQ(built->blocks[0].rows, 6u);
}

TEST_F(TableStoreTest, FirstVectorFixesTheDimensionsInTheSameRecord) {
  TestTable table(disk_, "column v Array(Float32)\nindex c v copy 100\n");
  table.Create();
  TableStore& store = table.Open();
  EXPECT_EQ(CodeOf([&] { table.Insert(Block({{"v", Floats({{}})}})); }), ErrorCode::kIncorrectData);
  EXPECT_EQ(store.parts()->schema->indexes[0].inferred_dimensions, std::nullopt);
  table.Insert(Block({{"v", Floats({{1, 2, 3}, {4, 5, 6}})}}));
  EXPECT_EQ(store.parts()->schema->indexes[0].inferred_dimensions, 3u);
  try {
    table.Insert(Block({{"v", Floats({{1, 2, 3}, {4, 5}})}}), {.first_row = 100});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIncorrectData);
    EXPECT_THAT(error.message(), HasSubstr("row 101"));
  }
  table.Open();
  EXPECT_EQ(table.store().parts()->schema->indexes[0].inferred_dimensions, 3u);
  EXPECT_EQ(CodeOf([&] {
              table.Insert(Block({{"v", Floats({{1}})}}));
            }),
            ErrorCode::kIncorrectData);
  EXPECT_THAT(table.Rows(), SizeIs(2));
  const PartPtr part = table.OnlyPart();
  EXPECT_NE(part->OpenSubIndex(*table.store().parts()->FindIndex("c"), 0, table.context()),
            nullptr);
  EXPECT_THAT(PartDirectories(), SizeIs(1));
}

TEST_F(TableStoreTest, MergeFixesDimensionsOfAnIndexAddedLater) {
  TestTable table(disk_, "column v Array(Float32)\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Block({{"v", Floats({{1, 2}, {3, 4}})}}));
  ASSERT_TRUE(store.CommitSchema(store.parts(), "column v Array(Float32)\nindex c v copy 100\n"));
  const PartSetPtr base = store.parts();
  const DeclaredIndex& declared = *base->FindIndex("c");
  const std::vector<PartPtr> inputs = PartsOf(base);
  EXPECT_EQ(inputs[0]->FindIndex(declared), nullptr);
  EXPECT_EQ(inputs[0]->OpenSubIndex(declared, 0, table.context()), nullptr);
  const PartPtr merged = Merge(table, base, inputs, {.indexes = {"c"}});
  ASSERT_TRUE(store.CommitMerge(base, Replacing(inputs, merged)));
  table.Open();
  const PartSetPtr after = table.store().parts();
  EXPECT_EQ(after->schema->indexes[0].inferred_dimensions, 2u);
  EXPECT_NE(after->parts[0].part->OpenSubIndex(*after->FindIndex("c"), 0, table.context()),
            nullptr);
}

TEST_F(TableStoreTest, RowsThatAnIndexCannotHoldCostTheMergeOnlyTheIndex) {
  for (const char* wide : {"0", "1000000"}) {
    const std::string settings = std::string("set min_bytes_for_wide_part ") + wide + "\n";
    TestTable table(disk_, "column v Array(Float32)\n" + settings, std::string("/u") + wide);
    table.Create();
    TableStore& store = table.Open();
    table.Insert(Block({{"v", Floats({{1, 2}, {3}})}}));
    ASSERT_TRUE(store.CommitSchema(store.parts(),
                                   "column v Array(Float32)\nindex c v copy 100\n" + settings));
    const PartSetPtr base = store.parts();
    const std::vector<PartPtr> inputs = PartsOf(base);
    EXPECT_EQ(CodeOf([&] {
                Merge(table, base, inputs, {.indexes = {"c"}, .index_rows = IndexRowCheck::kFail});
              }),
              ErrorCode::kIncorrectData);
    const PartPtr merged = Merge(table, base, inputs, {.indexes = {"c"}});
    EXPECT_THAT(merged->indexes(), IsEmpty());
    EXPECT_THAT(table.context().warnings, ElementsAre(HasSubstr("row 1")));
    EXPECT_TRUE(store.CommitMerge(base, Replacing(inputs, merged)));
    EXPECT_THAT(disk_->List(std::string("/u") + wide + "/" + merged->name_text()),
                SizeIs(wide == std::string("0") ? 2 : 1));
  }
}

TEST_F(TableStoreTest, InsertBuildsOnlyTheIndexesAskedFor) {
  TestTable table(disk_, "column a UInt64\nindex r a range 1\nindex q a range 2\n");
  table.Create();
  table.Open();
  table.Insert(Row(1), {.exclude_indexes = {"r"}});
  EXPECT_THAT(table.OnlyPart()->indexes(), SizeIs(1));
  EXPECT_EQ(table.OnlyPart()->indexes()[0].name, "q");
  table.store().Truncate();
  table.Insert(Row(1), {.materialize_indexes = false});
  EXPECT_THAT(table.OnlyPart()->indexes(), IsEmpty());
}

TEST_F(TableStoreTest, CancelledInsertLeavesNothing) {
  TestTable table(disk_, "column a UInt64\nset min_bytes_for_wide_part 0\n");
  table.Create();
  table.Open();
  table.context().cancel.Cancel();
  EXPECT_EQ(CodeOf([&] { table.Insert(Row(1)); }), ErrorCode::kQueryWasCancelled);
  EXPECT_THAT(PartDirectories(), IsEmpty());
}

TEST_F(TableStoreTest, FailureOfAnyOperationLeavesNothingAndTheTableUsable) {
  for (const int error_number : {EIO, ENOSPC}) {
    for (uint64_t operation = 0;; ++operation) {
      auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
      TestTable table(disk,
                      "column p UInt64\ncolumn a UInt64\npartition p\nindex r a range 1\n"
                      "set min_bytes_for_wide_part 0\n");
      table.Create();
      table.Open();
      const Block block({{"p", Numbers({1, 2})}, {"a", Numbers({3, 4})}});
      table.Insert(block);
      const uint64_t used = disk->used_bytes();
      disk->FailAt(disk->operations() + operation, error_number);
      try {
        table.Insert(block);
        ASSERT_GT(operation, 10u);
        break;
      } catch (const Error& error) {
        const bool is_full = error_number == ENOSPC;
        EXPECT_EQ(error.code() == ErrorCode::kNotEnoughSpace, is_full) << error.what();
        EXPECT_THAT(error.message(), HasSubstr("/t"));
      }
      EXPECT_THAT(table.Rows(), SizeIs(2));
      EXPECT_LE(disk->used_bytes(), used) << "operation " << operation;
      table.Insert(block);
      table.Open();
      EXPECT_THAT(table.Rows(), SizeIs(4)) << "operation " << operation;
      EXPECT_THAT(table.context().warnings, IsEmpty());
    }
  }
}

TEST_F(TableStoreTest, FullDiskIsAnErrorAndGivesItsBytesBack) {
  TestTable table(disk_, "column a UInt64\nset min_bytes_for_wide_part 0\n");
  table.Create();
  table.Open();
  const uint64_t used = disk_->used_bytes();
  disk_->SetCapacity(used + 50000);
  EXPECT_EQ(CodeOf([&] {
              table.Insert(Block({{"a", RandomColumn(TypeId::kUInt64, 100000, 1)}}));
            }),
            ErrorCode::kNotEnoughSpace);
  EXPECT_LE(disk_->used_bytes(), used);
  disk_->SetCapacity(std::nullopt);
  table.Insert(Row(1));
  EXPECT_THAT(table.Rows(), ElementsAre("1"));
}

TEST_F(TableStoreTest, LogIsFoldedAndStaysShort) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  TableStore& store = table.Open();
  for (uint64_t i = 0; i < 600; ++i) {
    table.Insert(Row(i));
    if (i % 100 == 99) store.Truncate();
  }
  table.Insert(Row(7));
  EXPECT_LT(disk_->Size("/t/commit_log"), 40000u);
  table.Open();
  EXPECT_THAT(table.Rows(), ElementsAre("7"));
}

TEST_F(TableStoreTest, ReadOnlyChangesNothing) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  table.Open();
  table.Insert(Row(1));
  table.Close();
  disk_->CreateDirectory("/t/all_9_9_0");
  const uint64_t operations = disk_->operations();
  TableStore& store = table.Open(true);
  EXPECT_THAT(table.Rows(), ElementsAre("1"));
  EXPECT_EQ(CodeOf([&] { table.Insert(Row(2)); }), ErrorCode::kTableIsReadOnly);
  EXPECT_EQ(CodeOf([&] { store.Truncate(); }), ErrorCode::kTableIsReadOnly);
  table.Close();
  EXPECT_EQ(disk_->operations(), operations);
  table.Open();
  EXPECT_FALSE(disk_->Exists("/t/all_9_9_0")) << "the writer removes what no record names";
}

TEST_F(TableStoreTest, DroppedTableGoesWithItsLastReader) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Row(1));
  PartPtr held = table.OnlyPart();
  store.Drop();
  EXPECT_EQ(CodeOf([&] { table.Insert(Row(2)); }), ErrorCode::kUnknownTable);
  table.Close();
  EXPECT_TRUE(disk_->Exists("/t"));
  EXPECT_EQ(PartReader(held, {"a"}, table.context()).Read({0, 1}).rows(), 1u);
  held.reset();
  EXPECT_FALSE(disk_->Exists("/t"));
}

TEST_F(TableStoreTest, DetachMovesAPartAside) {
  TestTable table(disk_, "column a UInt64\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Row(1));
  table.Insert(Row(2));
  const PartPtr part = store.parts()->parts[0].part;
  EXPECT_TRUE(store.Detach(part, "it looks bad"));
  EXPECT_FALSE(store.Detach(part, "again"));
  EXPECT_THAT(table.Rows(), ElementsAre("2"));
  EXPECT_TRUE(disk_->Exists("/t/detached/all_1_1_0/manifest"));
  const auto reason = ReadWholeFile(*disk_, "/t/detached/all_1_1_0.reason");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(reason.data()), reason.size()),
            "it looks bad");
  table.Open();
  EXPECT_THAT(table.Rows(), ElementsAre("2"));
  EXPECT_TRUE(disk_->Exists("/t/detached/all_1_1_0/manifest"));
}

}  // namespace
}  // namespace granary::testing
