// What is inserted comes back: all types, both layouts of parts, around the edges of granules.
#include <algorithm>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/part_reader.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

const char* const kTypes[] = {"Int8",
                              "Int16",
                              "Int32",
                              "Int64",
                              "UInt8",
                              "UInt16",
                              "UInt32",
                              "UInt64",
                              "Float32",
                              "Float64",
                              "BFloat16",
                              "Bool",
                              "String",
                              "Date",
                              "DateTime",
                              "Array(UInt8)",
                              "Array(String)",
                              "Array(Float32)",
                              "Array(Array(Int64))",
                              "Array(BFloat16)"};

std::string ColumnName(size_t i) { return std::string("c").append(std::to_string(i)); }

struct Layout {
  const char* name;
  const char* min_bytes_for_wide_part;
};

class RoundTrip : public ::testing::TestWithParam<Layout> {
 protected:
  std::string Definition(const std::string& columns) const {
    return columns + "set index_granularity 4\nset min_bytes_for_wide_part " +
           GetParam().min_bytes_for_wide_part + "\n";
  }
  bool is_compact() const { return GetParam().min_bytes_for_wide_part != std::string("0"); }
  std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
};

TEST_P(RoundTrip, EveryTypeAroundGranuleEdges) {
  std::string columns;
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    columns += "column " + ColumnName(i) + " " + kTypes[i] + "\n";
  }
  for (const size_t rows : {1, 3, 4, 5, 8, 9, 1000}) {
    TestTable table(disk_, Definition(columns), std::string("/t").append(std::to_string(rows)));
    table.Create();
    table.Open();
    Block block;
    for (size_t i = 0; i < std::size(kTypes); ++i) {
      block.Add(ColumnName(i), RandomColumn(DataType::Parse(kTypes[i]), rows, i));
    }
    table.Insert(block);
    EXPECT_EQ(table.Rows(), RowTexts(block));
    table.Open();
    EXPECT_EQ(table.Rows(), RowTexts(block));
    EXPECT_EQ(table.OnlyPart()->is_compact(), is_compact());
    EXPECT_EQ(table.OnlyPart()->granule_count(), (rows + 3) / 4);
    EXPECT_THAT(table.OnlyPart()->Check(table.context()), ::testing::IsEmpty());
  }
}

TEST_P(RoundTrip, AnyRangeOfGranulesAndAnyRows) {
  TestTable table(disk_, Definition("column a UInt64\ncolumn s String\ncolumn v Array(Float32)\n"));
  table.Create();
  table.Open();
  std::vector<uint64_t> numbers;
  std::vector<std::string> strings;
  std::vector<std::vector<float>> vectors;
  for (size_t i = 0; i < 50; ++i) {
    numbers.push_back(i);
    strings.push_back(std::string(i * 97 % 3000, 'x') + std::to_string(i));
    vectors.push_back({float(i), float(i) / 2, 1});
  }
  const Block block({{"a", Numbers(numbers)}, {"s", Strings(strings)}, {"v", Floats(vectors)}});
  table.Insert(block);
  const PartPtr part = table.OnlyPart();
  ASSERT_NE(part->Vectors("v"), nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(part->Vectors("v")->rows().base) % 64, 0u);
  PartReader reader(part, {"v", "s", "a"}, table.context());
  const Block reordered({{"v", block.Get("v")}, {"s", block.Get("s")}, {"a", block.Get("a")}});
  for (size_t begin = 0; begin < part->granule_count(); ++begin) {
    for (size_t end = begin + 1; end <= part->granule_count(); ++end) {
      const size_t rows = part->RowsIn({begin, end});
      ASSERT_EQ(RowTexts(reader.Read({begin, end})), RowTexts(reordered.Slice(begin * 4, rows)));
    }
  }
  const std::vector<uint32_t> some = {49, 0, 7, 7, 31, 1, 0};
  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_EQ(RowTexts(reader.Gather(some)), RowTexts(reordered.Gather(some)));
  }
  EXPECT_EQ(reader.Gather({}).rows(), 0u);
  EXPECT_EQ(PartReader(part, {}, table.context()).Read({0, 2}).rows(), 8u);
}

TEST_P(RoundTrip, PrimaryKeyHasTheFirstRowOfEachGranuleAndTheLastRow) {
  TestTable table(disk_, Definition("column a UInt64\ncolumn s String\norder s\norder a\n"));
  table.Create();
  table.Open();
  table.Insert(Block({{"a", Numbers({9, 8, 7, 6, 5, 4, 3, 2, 1, 0})},
                      {"s", Strings({"b", "b", "b", "b", "b", "a", "a", "a", "a", "a"})}}));
  EXPECT_EQ(table.Rows(), (std::vector<std::string>{"0 'a'", "1 'a'", "2 'a'", "3 'a'", "4 'a'",
                                                    "5 'b'", "6 'b'", "7 'b'", "8 'b'", "9 'b'"}));
  const std::vector<ColumnPtr>& key = table.OnlyPart()->PrimaryKey();
  ASSERT_EQ(key.size(), 2u);
  EXPECT_EQ(RowTexts(Block({{"s", key[0]}, {"a", key[1]}})),
            (std::vector<std::string>{"'a' 0", "'a' 4", "'b' 8", "'b' 9"}));
}

TEST_P(RoundTrip, EmptyRowsAreLeftOutBetweenVectors) {
  // Of 400 rows: all, some around the edges of words, none.
  const std::function<bool(size_t)> patterns[] = {
      [](size_t) { return false; },
      [](size_t row) { return row % 3 == 1; },
      [](size_t row) { return row >= 130; },
      [](size_t row) { return row < 63 || row == 64 || row == 399; },
      [](size_t row) { return row == 200; },
      [](size_t row) { return row != 200; },
  };
  for (const auto& has_vector : patterns) {
    TestTable table(disk_, Definition("column v Array(Float32)\n"),
                    "/e" + std::to_string(&has_vector - patterns));
    table.Create();
    table.Open();
    std::vector<std::vector<float>> rows;
    uint64_t vectors = 0;
    for (size_t row = 0; row < 400; ++row) {
      rows.emplace_back();
      if (!has_vector(row)) continue;
      rows.back() = {float(row), 0.5f, -float(row)};
      ++vectors;
    }
    const Block block({{"v", Floats(rows)}});
    table.Insert(block);
    EXPECT_EQ(table.Rows(), RowTexts(block));
    const PartPtr part = table.OnlyPart();
    const StoredVectors* stored = part->Vectors("v");
    ASSERT_NE(stored, nullptr);
    ASSERT_NE(stored->present(), nullptr);
    EXPECT_EQ(stored->rows().rows, vectors);
    EXPECT_EQ(stored->CountVectors(0, 400), vectors);
    for (uint32_t row = 0; row < 400; ++row) {
      ASSERT_EQ(stored->present()->Has(row), has_vector(row));
      if (!has_vector(row)) continue;
      const uint64_t vector = stored->VectorOf(row);
      ASSERT_EQ(stored->present()->RowOf(vector), row);
      stored->VerifyRows(vector, 1);
      ASSERT_EQ(*stored->rows().FloatRow(vector), float(row));
    }
    PartReader reader(part, {"v"}, table.context());
    for (size_t begin = 0; begin < part->granule_count(); begin += 7) {
      const GranuleRange granules{begin, std::min(begin + 9, part->granule_count())};
      ASSERT_EQ(RowTexts(reader.Read(granules)),
                RowTexts(block.Slice(begin * 4, part->RowsIn(granules))));
    }
    const std::vector<uint32_t> some = {399, 64, 0, 7, 7, 200, 130, 129, 0};
    EXPECT_EQ(RowTexts(reader.Gather(some)), RowTexts(block.Gather(some)));
    EXPECT_THAT(part->Check(table.context()), ::testing::IsEmpty());
    table.Open();
    EXPECT_EQ(table.Rows(), RowTexts(block));
  }
}

TEST_P(RoundTrip, VectorsMayBeginAndEndWithEmptyRowsAndThenBecomeUneven) {
  const std::vector<Block> blocks = {
      Block({{"v", Floats({{}, {}, {}, {}})}}), Block({{"v", Floats({{}, {1, 2}, {}, {3, 4}})}}),
      Block({{"v", Floats({{5, 6}, {7, 8}, {9, 10}, {11, 12}})}}),
      Block({{"v", Floats({{}, {}, {}, {}})}}), Block({{"v", Floats({{13, 14}, {}, {15}})}})};
  for (const size_t count : {size_t{4}, blocks.size()}) {
    TestTable table(disk_, Definition("column v Array(Float32)\n"), "/u" + std::to_string(count));
    table.Create();
    TableStore& store = table.Open();
    table.Insert(blocks[0]);
    const PartPtr input = table.OnlyPart();
    const auto base = store.parts();
    const auto writer =
        store.NewMergeWriter(base, std::span(&input, 1), MergeWriterOptions{}, table.context());
    std::vector<std::string> expected;
    for (size_t i = 0; i < count; ++i) {
      writer->Append(blocks[i]);
      const auto texts = RowTexts(blocks[i]);
      expected.insert(expected.end(), texts.begin(), texts.end());
    }
    const PartPtr merged = writer->Finish();
    EXPECT_EQ(merged->Vectors("v") != nullptr, count == 4);
    EXPECT_TRUE(store.CommitMerge(base, Replacing({&input, 1}, merged)));
    EXPECT_EQ(table.Rows(), expected);
    EXPECT_THAT(merged->Check(table.context()), ::testing::IsEmpty());
  }
}

TEST_P(RoundTrip, VectorsThatBecomeUnevenAreStoredAgain) {
  TestTable table(disk_, Definition("column v Array(Float32)\n"));
  table.Create();
  TableStore& store = table.Open();
  const Block even({{"v", Floats({{1, 2}, {3, 4}, {5, 6}, {7, 8}})}});
  const Block uneven({{"v", Floats({{9, 10}, {}, {11}})}});
  table.Insert(even);
  const PartPtr input = table.OnlyPart();
  const auto base = store.parts();
  const auto writer =
      store.NewMergeWriter(base, std::span(&input, 1), MergeWriterOptions{}, table.context());
  writer->Append(even);
  writer->Append(uneven);
  writer->Append(even);
  const PartPtr merged = writer->Finish();
  EXPECT_EQ(merged->Vectors("v"), nullptr);
  EXPECT_TRUE(store.CommitMerge(base, Replacing({&input, 1}, merged)));
  std::vector<std::string> expected = RowTexts(even);
  for (const Block& block : {uneven, even}) {
    const auto texts = RowTexts(block);
    expected.insert(expected.end(), texts.begin(), texts.end());
  }
  EXPECT_EQ(table.Rows(), expected);
  EXPECT_THAT(merged->Check(table.context()), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Layouts, RoundTrip,
                         ::testing::Values(Layout{"compact", "1000000000"}, Layout{"wide", "0"}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(RoundTripPartitions, OnePartPerPartitionInOneStatement) {
  auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
  TestTable table(disk, "column p UInt64\ncolumn a UInt64\norder a\npartition p\n");
  table.Create();
  TableStore& store = table.Open();
  table.Insert(Block({{"p", Numbers({2, 1, 2, 1, 3})}, {"a", Numbers({5, 4, 3, 2, 1})}}));
  const PartSetPtr set = store.parts();
  ASSERT_EQ(set->parts.size(), 3u);
  EXPECT_EQ(set->parts[0].part->name_text().substr(0, 2), "1_");
  EXPECT_EQ(table.Rows(), (std::vector<std::string>{"1 2", "1 4", "2 3", "2 5", "3 1"}));
  const Part& second = *set->parts[1].part;
  EXPECT_EQ(second.partition(), (std::vector<Value>{Value(uint64_t{2})}));
  ASSERT_EQ(second.column_ranges().size(), 1u);
  EXPECT_EQ(second.column_ranges()[0].column, "p");
  EXPECT_EQ(second.column_ranges()[0].range.max, Value(uint64_t{2}));
}

TEST(RoundTripPartitions, StringsAndNegativeNumbersMakeSafeNames) {
  auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
  TestTable table(disk, "column s String\ncolumn i Int32\npartition s\npartition i\n");
  table.Create();
  TableStore& store = table.Open();
  const auto negative =
      std::make_shared<NumberColumn<int32_t>>(TypeId::kInt32, std::vector<int32_t>{-1, -1, 2});
  table.Insert(Block({{"s", Strings({"../x", "../x", ""})}, {"i", negative}}));
  ASSERT_EQ(store.parts()->parts.size(), 2u);
  for (const VisiblePart& visible : store.parts()->parts) {
    EXPECT_EQ(visible.part->name().partition_id.size(), 32u);
    EXPECT_EQ(visible.part->name_text().find('/'), std::string::npos);
  }
  table.Open();
  EXPECT_EQ(table.Rows().size(), 3u);
}

}  // namespace
}  // namespace granary::testing
