// The k-way merge against std::stable_sort of all rows.
#include "granary/merge/sorted_cursor.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "granary/merge/sort_prefix.h"
#include "granary/tests/merge/column_expression.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

using granary::testing::ColumnRef;

// Hands out a block in slices of up to `rows_max` rows.
class BlockInput final : public SortedInput {
 public:
  BlockInput(Block block, size_t rows_max) : block_(std::move(block)), rows_max_(rows_max) {}

  std::optional<Block> Next() override {
    const size_t rows = std::min(rows_max_, block_.rows() - row_);
    if (rows == 0) return std::nullopt;
    row_ += rows;
    return block_.Slice(row_ - rows, rows);
  }

 private:
  Block block_;
  size_t rows_max_;
  size_t row_ = 0;
};

ColumnPtr BuildColumn(const DataType& type, size_t rows,
                      const std::function<Value(size_t)>& value) {
  const std::unique_ptr<ColumnBuilder> builder = ColumnBuilder::Create(type);
  for (size_t row = 0; row < rows; ++row) builder->Append(value(row));
  return builder->Finish();
}

// The order of rows of `block` by its first `keys` columns, stable.
std::vector<uint32_t> SortedRows(const Block& block, size_t keys) {
  std::vector<uint32_t> rows(block.rows());
  std::iota(rows.begin(), rows.end(), 0);
  std::stable_sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    for (size_t key = 0; key < keys; ++key) {
      const int order = block.column(key)->Compare(a, *block.column(key), b);
      if (order != 0) return order < 0;
    }
    return false;
  });
  return rows;
}

std::vector<ExpressionPtr> KeyColumns(const Block& block, size_t keys) {
  std::vector<ExpressionPtr> expressions;
  for (size_t key = 0; key < keys; ++key) {
    expressions.push_back(ColumnRef(block.name(key), block.column(key)->type()));
  }
  return expressions;
}

void ExpectEqualBlocks(const Block& actual, const Block& expected) {
  ASSERT_EQ(actual.rows(), expected.rows());
  ASSERT_EQ(actual.column_count(), expected.column_count());
  for (size_t column = 0; column < expected.column_count(); ++column) {
    EXPECT_EQ(actual.name(column), expected.name(column));
    for (size_t row = 0; row < expected.rows(); ++row) {
      ASSERT_EQ(actual.column(column)->Compare(row, *expected.column(column), row), 0)
          << expected.name(column) << " of row " << row;
    }
  }
}

struct Merged {
  Block block;
  std::vector<MergeRun> runs;
  size_t blocks = 0;
};

Merged MergeAll(const std::vector<Block>& inputs, size_t keys, size_t read_rows, size_t max_rows) {
  std::vector<std::unique_ptr<SortedInput>> sources;
  for (const Block& input : inputs) {
    sources.push_back(std::make_unique<BlockInput>(input, read_rows));
  }
  SortedCursor cursor(std::move(sources), KeyColumns(inputs.front(), keys), max_rows);
  std::vector<Block> blocks;
  Merged merged;
  while (std::optional<MergedBlock> next = cursor.Next()) {
    EXPECT_LE(next->block.rows(), max_rows);
    EXPECT_GE(next->block.rows(), 1u);
    blocks.push_back(std::move(next->block));
    merged.runs.insert(merged.runs.end(), next->runs.begin(), next->runs.end());
    merged.blocks++;
  }
  EXPECT_FALSE(cursor.Next());
  merged.block = blocks.empty() ? inputs.front().Slice(0, 0) : ConcatenateBlocks(blocks);
  return merged;
}

// The inputs themselves are sorted here, each alone; the expected result is the stable sort of
// their concatenation, and the runs must tell where each row came from.
void CheckMerge(std::vector<Block> inputs, size_t keys, size_t read_rows, size_t max_rows) {
  for (Block& input : inputs) input = input.Gather(SortedRows(input, keys));
  const Block all = ConcatenateBlocks(inputs);
  const std::vector<uint32_t> expected = SortedRows(all, keys);
  const Merged merged = MergeAll(inputs, keys, read_rows, max_rows);
  ExpectEqualBlocks(merged.block, all.Gather(expected));

  std::vector<uint64_t> input_offsets;
  uint64_t rows = 0;
  for (const Block& input : inputs) {
    input_offsets.push_back(rows);
    rows += input.rows();
  }
  std::vector<uint32_t> mapped;
  for (const MergeRun& run : merged.runs) {
    for (uint64_t i = 0; i < run.rows; ++i) {
      mapped.push_back(static_cast<uint32_t>(input_offsets[run.input] + run.first_row + i));
    }
  }
  EXPECT_EQ(mapped, expected);
}

Value RandomValue(const DataType& type, std::mt19937_64& random) {
  const uint64_t small = random() % 12;
  switch (type.id()) {
    case TypeId::kString: {
      const char* words[] = {"", "a", "ab", "abcdefgh", "abcdefghi", "abcdefghj", "b", "\xff"};
      return std::string(words[random() % 8]);
    }
    case TypeId::kFloat32:
    case TypeId::kFloat64:
    case TypeId::kBFloat16: {
      const double values[] = {0.0,
                               -0.0,
                               1.5,
                               -1.5,
                               std::numeric_limits<double>::infinity(),
                               -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN(),
                               0.5};
      return values[random() % 8];
    }
    case TypeId::kArray: {
      ValueArray values;
      for (uint64_t i = 0; i < small % 3; ++i)
        values.push_back(RandomValue(type.element(), random));
      return values;
    }
    case TypeId::kInt8:
    case TypeId::kInt16:
    case TypeId::kInt32:
    case TypeId::kInt64:
      return static_cast<int64_t>(small) - 6;
    case TypeId::kBool:
      return small % 2;
    default:
      return small;
  }
}

const std::vector<std::string> kKeyTypes = {
    "Int8",    "Int16",   "Int32",    "Int64", "UInt8",  "UInt16", "UInt32",   "UInt64",
    "Float32", "Float64", "BFloat16", "Bool",  "String", "Date",   "DateTime", "Array(Int32)"};

TEST(SortedCursorTest, EqualsStableSortForRandomInputsOfAllTypes) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 150; ++round) {
    const size_t keys = random() % 4;
    std::vector<DataType> types;
    for (size_t key = 0; key < keys; ++key) {
      types.push_back(DataType::Parse(kKeyTypes[random() % kKeyTypes.size()]));
    }
    types.push_back(TypeId::kUInt64);
    types.push_back(TypeId::kString);
    std::vector<Block> inputs;
    const size_t input_count = 1 + random() % 6;
    for (size_t input = 0; input < input_count; ++input) {
      const size_t rows = random() % 60;
      Block block(rows);
      for (size_t column = 0; column < types.size(); ++column) {
        block.Add(std::string("c").append(std::to_string(column)),
                  BuildColumn(types[column], rows, [&](size_t row) {
                    if (column < keys) return RandomValue(types[column], random);
                    if (types[column].is_string())
                      return Value(std::string("row ").append(std::to_string(row)));
                    return Value(uint64_t{input * 1000 + row});
                  }));
      }
      inputs.push_back(block);
    }
    CheckMerge(inputs, keys, 1 + random() % 40, 1 + random() % 40);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

Block Numbers(uint64_t first, uint64_t step, size_t rows) {
  Block block(rows);
  block.Add("k", BuildColumn(TypeId::kUInt64, rows,
                             [&](size_t row) { return Value(uint64_t{first + row * step}); }));
  return block;
}

TEST(SortedCursorTest, InputsThatDoNotOverlapArePassedOnWithoutCopying) {
  const Block low = Numbers(0, 1, 100);
  const Block high = Numbers(100, 1, 100);
  std::vector<std::unique_ptr<SortedInput>> inputs;
  inputs.push_back(std::make_unique<BlockInput>(high, 50));
  inputs.push_back(std::make_unique<BlockInput>(low, 50));
  SortedCursor cursor(std::move(inputs), KeyColumns(low, 1), 50);
  const uint64_t* low_data = AsNumbers<uint64_t>(*low.column(0)).data();
  const uint64_t* high_data = AsNumbers<uint64_t>(*high.column(0)).data();
  for (const uint64_t* expected : {low_data, low_data + 50, high_data, high_data + 50}) {
    const std::optional<MergedBlock> merged = cursor.Next();
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->block.rows(), 50u);
    EXPECT_EQ(merged->runs.size(), 1u);
    EXPECT_EQ(AsNumbers<uint64_t>(*merged->block.column(0)).data(), expected);
  }
  EXPECT_FALSE(cursor.Next());
}

TEST(SortedCursorTest, WithoutAKeyInputsAreConcatenated) {
  const Merged merged = MergeAll({Numbers(50, 1, 10), Numbers(0, 1, 10)}, 0, 7, 5);
  EXPECT_EQ(AsNumbers<uint64_t>(*merged.block.column(0)).values()[0], 50u);
  EXPECT_EQ(AsNumbers<uint64_t>(*merged.block.column(0)).values()[10], 0u);
  ASSERT_FALSE(merged.runs.empty());
  EXPECT_EQ(merged.runs.back().input, 1u);
}

TEST(SortedCursorTest, OutputBlocksAreFullWhenInputsInterleave) {
  std::vector<Block> inputs;
  for (uint64_t i = 0; i < 10; ++i) inputs.push_back(Numbers(i, 10, 100));
  const Merged merged = MergeAll(inputs, 1, 7, 100);
  EXPECT_EQ(merged.block.rows(), 1000u);
  EXPECT_EQ(merged.blocks, 10u);
}

TEST(SortedCursorTest, HoldsOneBlockPerInput) {
  std::vector<std::unique_ptr<SortedInput>> inputs;
  for (uint64_t i = 0; i < 4; ++i) {
    inputs.push_back(std::make_unique<BlockInput>(Numbers(i, 4, 10000), 100));
  }
  SortedCursor cursor(std::move(inputs), KeyColumns(Numbers(0, 1, 1), 1), 256);
  size_t rows = 0;
  while (const std::optional<MergedBlock> merged = cursor.Next()) {
    rows += merged->block.rows();
    EXPECT_LE(cursor.byte_size(), 4 * 100 * 2 * sizeof(uint64_t));
  }
  EXPECT_EQ(rows, 40000u);
}

TEST(SortedCursorTest, NoInputsAndEmptyInputs) {
  SortedCursor none({}, {}, 10);
  EXPECT_FALSE(none.Next());
  EXPECT_EQ(MergeAll({Numbers(0, 1, 0), Numbers(0, 1, 0)}, 1, 10, 10).blocks, 0u);
  CheckMerge({Numbers(0, 1, 0), Numbers(0, 1, 5), Numbers(0, 1, 0)}, 1, 10, 10);
}

TEST(SortPrefixTest, IsExactIfTheWholeKeyFits) {
  const ColumnPtr wide = BuildColumn(TypeId::kUInt64, 1, [](size_t) { return Value(uint64_t{1}); });
  const ColumnPtr narrow = BuildColumn(TypeId::kInt16, 1, [](size_t) { return Value(int64_t{1}); });
  const ColumnPtr text = BuildColumn(TypeId::kString, 1, [](size_t) { return Value("a"); });
  const auto exact = [](std::vector<ColumnPtr> keys) { return SortPrefixIsExact(keys); };
  EXPECT_TRUE(exact({}));
  EXPECT_TRUE(exact({wide}));
  EXPECT_TRUE(exact({narrow, narrow, narrow, narrow}));
  EXPECT_FALSE(exact({narrow, wide}));
  EXPECT_FALSE(exact({narrow, narrow, narrow, narrow, narrow}));
  EXPECT_FALSE(exact({text}));
}

}  // namespace
}  // namespace granary
