#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/skipindex/minmax_index.h"
#include "granary/skipindex/registry.h"
#include "granary/tests/skipindex/index_fixtures.h"

namespace granary {
namespace {

PrunedBlock MinMaxBlock(const ColumnPtr& values) { return {"minmax", {}, values}; }

TEST(MinMaxTest, PrunesWhatLiesOutside) {
  const PrunedBlock block = MinMaxBlock(
      std::make_shared<NumberColumn<int16_t>>(TypeId::kInt16, std::vector<int16_t>{5, -3, 12, 7}));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kLess, Value(int64_t{-3})));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kLessOrEqual, Value(int64_t{-3})));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kEqual, Value(uint64_t{13})));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kEqual, Value(uint64_t{12})));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kEqual, Value(uint64_t{6})));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kGreater, Value(12.0)));
}

TEST(MinMaxTest, StringsAndDates) {
  auto builder = ColumnBuilder::Create(TypeId::kString);
  for (const char* text : {"pear", "apple", "fig"}) builder->Append(Value(std::string(text)));
  const PrunedBlock strings = MinMaxBlock(builder->Finish());
  EXPECT_FALSE(strings.MayMatch(PredicateOp::kEqual, Value(std::string("zebra"))));
  EXPECT_TRUE(strings.MayMatch(PredicateOp::kEqual, Value(std::string("banana"))));

  const PrunedBlock dates = MinMaxBlock(
      std::make_shared<NumberColumn<uint16_t>>(TypeId::kDate, std::vector<uint16_t>{100, 120}));
  EXPECT_FALSE(dates.MayMatch(PredicateOp::kGreater, Value(uint64_t{120})));
  EXPECT_TRUE(dates.MayMatch(PredicateOp::kGreater, Value(uint64_t{119})));
}

TEST(MinMaxTest, NaNPrunesNothingAboveTheMinimum) {
  const PrunedBlock block = MinMaxBlock(std::make_shared<NumberColumn<double>>(
      TypeId::kFloat64, std::vector<double>{std::numeric_limits<double>::quiet_NaN(), 1, 2, 3}));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kEqual, Value(2.0)));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kGreater, Value(2.5)));
}

TEST(MinMaxTest, CanPruneOnlyItsExpression) {
  const PrunedBlock block = MinMaxBlock(
      std::make_shared<NumberColumn<uint8_t>>(TypeId::kUInt8, std::vector<uint8_t>{1, 2}));
  EXPECT_TRUE(
      block.index().CanPrune(Predicate::Atom({"v", PredicateOp::kEqual, {Value(uint64_t{1})}})));
  EXPECT_FALSE(
      block.index().CanPrune(Predicate::Atom({"w", PredicateOp::kEqual, {Value(uint64_t{1})}})));
}

TEST(MinMaxTest, TakesNoArguments) {
  EXPECT_THROW(MinMaxKind().Declare(Declared("minmax", TypeId::kUInt8, {Argument(1)}), {}), Error);
}

TEST(RegistryTest, KnowsTheBuiltinsAndTakesOthersOnce) {
  SkipIndexRegistry registry = SkipIndexRegistry::WithBuiltins();
  EXPECT_THAT(registry.names(),
              testing::ElementsAre("bloom_filter", "minmax", "set", "vector_similarity"));
  EXPECT_EQ(registry.Get("minmax").name(), "minmax");
  EXPECT_EQ(registry.Get("vector_similarity").default_granularity(), 100'000'000u);
  try {
    registry.Get("annoy");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIncorrectQuery);
    EXPECT_THAT(error.what(), testing::HasSubstr("bloom_filter, minmax, set, vector_similarity"));
  }
  EXPECT_THROW(registry.Register(std::make_shared<MinMaxKind>()), Error);
}

}  // namespace
}  // namespace granary
