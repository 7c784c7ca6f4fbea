#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/skipindex/index_fixtures.h"

namespace granary {
namespace {

PrunedBlock SetBlock(uint64_t values_max, std::vector<int32_t> values) {
  return {"set",
          {Argument(values_max)},
          std::make_shared<NumberColumn<int32_t>>(TypeId::kInt32, std::move(values))};
}

Predicate Compare(PredicateOp op, int64_t constant) {
  return Predicate::Atom({"v", op, {Value(constant)}});
}

TEST(SetTest, PrunesBetweenItsValues) {
  const PrunedBlock block = SetBlock(3, {9, -1, 9, 4, -1, 4});
  EXPECT_TRUE(block.MayMatch(PredicateOp::kEqual, Value(int64_t{4})));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kEqual, Value(int64_t{5})));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kGreater, Value(9.0)));
  EXPECT_TRUE(block.MayMatch(Predicate::Not(Compare(PredicateOp::kEqual, 4))));
  EXPECT_FALSE(block.MayMatch(
      Predicate::Atom({"v", PredicateOp::kIn, {Value(int64_t{0}), Value(int64_t{5})}})));
}

TEST(SetTest, AsksForOneValueThatSatisfiesEverything) {
  const PrunedBlock block = SetBlock(0, {1, 9});
  EXPECT_FALSE(block.MayMatch(
      Predicate::And({Compare(PredicateOp::kGreater, 1), Compare(PredicateOp::kLess, 9)})));
  EXPECT_TRUE(block.MayMatch(
      Predicate::And({Compare(PredicateOp::kGreater, 1), Compare(PredicateOp::kLess, 10)})));
  EXPECT_FALSE(
      block.MayMatch(Predicate::And({Compare(PredicateOp::kNotEqual, 1),
                                     Compare(PredicateOp::kNotEqual, 9), Predicate::Opaque()})));
}

TEST(SetTest, HoldsNothingWhenThereAreTooManyValues) {
  for (const auto& values : {std::vector<int32_t>{1, 2, 3, 3}, {1, 1, 2, 3}, {1, 2, 3, 4}}) {
    const PrunedBlock block = SetBlock(2, values);
    EXPECT_TRUE(block.MayMatch(PredicateOp::kEqual, Value(int64_t{77})));
    EXPECT_EQ(block.bytes(), 2u);
  }
  EXPECT_FALSE(SetBlock(2, {1, 2, 2, 1}).MayMatch(PredicateOp::kEqual, Value(int64_t{77})));
}

TEST(SetTest, ArraysAndWhatTheyHave) {
  auto builder = ColumnBuilder::Create(DataType::Array(TypeId::kUInt8));
  builder->Append(Value(ValueArray{Value(uint64_t{1}), Value(uint64_t{2})}));
  builder->Append(Value(ValueArray{}));
  const PrunedBlock block("set", {Argument(10)}, builder->Finish());
  EXPECT_TRUE(block.MayMatch(PredicateOp::kHas, Value(uint64_t{2})));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kHas, Value(uint64_t{3})));
}

TEST(SetTest, RefusesBadArguments) {
  const auto declare = [](std::vector<IndexArgument> arguments) {
    SkipIndexRegistry::WithBuiltins().Get("set").Declare(
        Declared("set", TypeId::kUInt8, std::move(arguments)), {});
  };
  for (const std::vector<IndexArgument>& arguments : {std::vector<IndexArgument>{},
                                                      {Argument(1), Argument(2)},
                                                      {Argument("x")},
                                                      {Argument(1.5)}}) {
    try {
      declare(arguments);
      ADD_FAILURE() << arguments.size();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIncorrectQuery) << error.what();
    }
  }
}

}  // namespace
}  // namespace granary
