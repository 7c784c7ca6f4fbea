#include "granary/table/column.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "granary/table/block.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

const char* const kTypes[] = {"Int8",
                              "Int64",
                              "UInt16",
                              "UInt64",
                              "Float32",
                              "Bool",
                              "BFloat16",
                              "Float64",
                              "String",
                              "Date",
                              "DateTime",
                              "Array(Float32)",
                              "Array(Array(String))"};

Value RandomValue(const DataType& type, std::mt19937_64& random) {
  if (type.is_array()) {
    ValueArray array(random() % 4);
    for (Value& element : array) element = RandomValue(type.element(), random);
    return array;
  }
  if (type.is_string()) return std::string(random() % 12, static_cast<char>('a' + random() % 3));
  if (type.is_float()) return static_cast<double>(static_cast<int>(random() % 200) - 100) / 4;
  if (type.is_signed_integer()) return static_cast<int64_t>(random() % 200) - 100;
  return uint64_t{random() % 2};
}

class ColumnTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    seed_ = granary::SeedOfThisRun();
    random_.seed(seed_);
    const auto builder = ColumnBuilder::Create(type_);
    for (int i = 0; i < 100; ++i) {
      values_.push_back(RandomValue(type_, random_));
      builder->Append(values_.back());
    }
    column_ = builder->Finish();
  }

  // `column` holds values_[rows[i]] in row i.
  void ExpectRows(const ColumnPtr& column, const std::vector<uint32_t>& rows) {
    ASSERT_EQ(column->size(), rows.size()) << "seed " << seed_;
    EXPECT_EQ(column->type(), type_);
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(column->ValueAt(i), values_[rows[i]]) << "row " << i << ", seed " << seed_;
    }
  }

  DataType type_ = DataType::Parse(GetParam());
  uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::vector<Value> values_;
  ColumnPtr column_;
};

TEST_P(ColumnTest, SliceFilterGatherAndConcatenateKeepValues) {
  std::vector<uint32_t> rows(30);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<uint32_t>(20 + i);
  const ColumnPtr slice = column_->Slice(20, 30);
  ExpectRows(slice, rows);

  std::vector<uint8_t> mask(30);
  std::vector<uint32_t> kept, gathered, gathered_from_slice;
  for (uint32_t i = 0; i < 30; ++i) {
    mask[i] = random_() % 2;
    if (mask[i]) kept.push_back(20 + i);
    gathered_from_slice.push_back(random_() % 30);
    gathered.push_back(20 + gathered_from_slice.back());
  }
  ExpectRows(slice->Filter(mask, kept.size()), kept);
  ExpectRows(slice->Gather(gathered_from_slice), gathered);
  ExpectRows(slice->Materialize(), rows);

  const std::vector<ColumnPtr> parts = {slice, column_->Slice(0, 0), column_->Slice(3, 2)};
  rows.insert(rows.end(), {3, 4});
  ExpectRows(Concatenate(type_, parts), rows);
}

TEST_P(ColumnTest, BuilderAppendsGathersConstantsAndDefaults) {
  const auto builder = ColumnBuilder::Create(type_);
  builder->AppendGather(*column_->Slice(10, 10), std::vector<uint32_t>{9, 0, 9});
  builder->AppendRange(*MakeConstant(type_, values_[5], 3), 1, 2);
  ExpectRows(builder->Finish(), {19, 10, 19, 5, 5});
  builder->AppendDefault();
  EXPECT_EQ(builder->Finish()->ValueAt(0), DefaultValue(type_));
}

TEST_P(ColumnTest, CompareAndHashAgreeWithValues) {
  const ColumnPtr slice = column_->Slice(50, 50);
  std::vector<uint64_t> hashes(100), slice_hashes(50), constant_hashes(3);
  column_->HashInto(hashes);
  slice->HashInto(slice_hashes);
  const ColumnPtr constant = MakeConstant(type_, values_[7], 3);
  constant->HashInto(constant_hashes);
  EXPECT_EQ(constant_hashes[2], hashes[7]) << "seed " << seed_;
  for (uint32_t i = 0; i < 100; ++i) {
    for (uint32_t j = 0; j < 50; ++j) {
      const int order = CompareValues(values_[i], values_[50 + j]);
      EXPECT_EQ(column_->Compare(i, *slice, j), order) << "seed " << seed_;
      EXPECT_EQ(hashes[i] == slice_hashes[j], order == 0) << "seed " << seed_;
    }
    EXPECT_EQ(column_->Compare(i, *constant, 0), CompareValues(values_[i], values_[7]));
    EXPECT_EQ(constant->Compare(0, *column_, i), CompareValues(values_[7], values_[i]));
  }
}

TEST_P(ColumnTest, ConstantsMaterialize) {
  ExpectRows(MakeConstant(type_, values_[3], 4)->Materialize(), {3, 3, 3, 3});
  ExpectRows(MakeConstant(type_, values_[3], 4)->Slice(1, 2), {3, 3});
}

INSTANTIATE_TEST_SUITE_P(AllTypes, ColumnTest, testing::ValuesIn(kTypes));

TEST(ColumnBuilderTest, RefusesValuesOfOtherKindsAndRanges) {
  const auto expect_mismatch = [](const char* type, const Value& value) {
    try {
      ColumnBuilder::Create(DataType::Parse(type))->Append(value);
      ADD_FAILURE() << type;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kTypeMismatch);
    }
  };
  expect_mismatch("Int8", uint64_t{128});
  expect_mismatch("UInt8", int64_t{-1});
  expect_mismatch("UInt32", 1.5);
  expect_mismatch("UInt64", std::numeric_limits<double>::quiet_NaN());
  expect_mismatch("String", uint64_t{1});
  expect_mismatch("Float32", std::string("1"));
  expect_mismatch("Array(Int8)", uint64_t{1});
}

TEST(ArrayColumnTest, UniformArraysAreVectors) {
  const ColumnPtr elements =
      std::make_shared<NumberColumn<float>>(TypeId::kFloat32, std::vector<float>{1, 2, 3, 4, 5, 6});
  const auto arrays = ArrayColumn::Uniform(elements, 2, 3);
  EXPECT_EQ(arrays->UniformLength(), 2u);
  const ColumnPtr tail = arrays->Slice(1, 2);
  const VectorRows rows = AsArrays(*tail).Vectors(2);
  EXPECT_EQ(rows.rows, 2u);
  EXPECT_EQ(rows.FloatRow(1)[1], 6.0f);

  const ArrayColumn ragged(elements, std::vector<uint64_t>{2, 3, 6});
  EXPECT_FALSE(ragged.UniformLength().has_value());
}

TEST(ColumnTest, RetypedSharesMemoryAtAnyDepth) {
  const ColumnPtr days =
      std::make_shared<NumberColumn<uint16_t>>(TypeId::kUInt16, std::vector<uint16_t>{1, 2});
  const ColumnPtr dates = Retyped(ArrayColumn::Uniform(days, 2, 1), DataType::Parse("Array(Date)"));
  EXPECT_EQ(dates->type().name(), "Array(Date)");
  EXPECT_EQ(AsArrays(*dates).elements()->type(), DataType(TypeId::kDate));
  EXPECT_EQ(days->type(), DataType(TypeId::kUInt16));
}

TEST(BlockTest, RefusesColumnsOfUnequalSizeAndUnknownNames) {
  Block block;
  block.Add("a", MakeDefaults(TypeId::kInt8, 3));
  EXPECT_THROW(block.Add("b", MakeDefaults(TypeId::kInt8, 2)), Error);
  EXPECT_EQ(block.Find("b"), nullptr);
  try {
    block.Get("b");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFoundColumnInBlock);
  }
}

TEST(BlockTest, BlocksConcatenate) {
  Block one, two;
  one.Add("a", MakeConstant(TypeId::kInt8, int64_t{1}, 2));
  two.Add("a", MakeConstant(TypeId::kInt8, int64_t{2}, 1));
  const Block both = ConcatenateBlocks(std::vector<Block>{one, two});
  EXPECT_EQ(both.rows(), 3u);
  EXPECT_EQ(both.column(0)->ValueAt(2), Value(int64_t{2}));
}

}  // namespace
}  // namespace granary
