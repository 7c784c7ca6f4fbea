#include <cmath>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/skipindex/index_fixtures.h"

namespace granary {
namespace {

ColumnPtr Column(const DataType& type, const std::vector<Value>& values) {
  auto builder = ColumnBuilder::Create(type);
  for (const Value& value : values) builder->Append(value);
  return builder->Finish();
}

Value Text(const char* text) { return Value(std::string(text)); }

TEST(BloomFilterTest, NumbersAreFoundUnderEveryTypeOfConstant) {
  const PrunedBlock floats("bloom_filter", {},
                           Column(TypeId::kFloat32, {Value(5.0), Value(-3.0), Value(0.5)}));
  for (const Value& value : {Value(5.0), Value(uint64_t{5}), Value(int64_t{5}), Value(int64_t{-3}),
                             Value(-3.0), Value(0.5)}) {
    EXPECT_TRUE(floats.MayMatch(PredicateOp::kEqual, value));
  }
  EXPECT_FALSE(floats.MayMatch(PredicateOp::kEqual, Value(uint64_t{3})));
  const PrunedBlock small("bloom_filter", {},
                          Column(TypeId::kInt8, {Value(int64_t{-1}), Value(int64_t{0})}));
  EXPECT_TRUE(small.MayMatch(PredicateOp::kEqual, Value(-0.0)));
  EXPECT_TRUE(small.MayMatch(PredicateOp::kEqual, Value(-1.0)));
  EXPECT_FALSE(small.MayMatch(PredicateOp::kEqual, Value(uint64_t{255})));
  EXPECT_FALSE(small.MayMatch(PredicateOp::kEqual, Value(~uint64_t{0})));
}

TEST(BloomFilterTest, LooksForEqualityAlone) {
  const PrunedBlock block("bloom_filter", {}, Column(TypeId::kString, {Text("a"), Text("b")}));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kIn, Text("a")));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kEqual, Text("c")));
  EXPECT_FALSE(block.MayMatch(Predicate::Atom({"v", PredicateOp::kIn, {Text("c"), Text("d")}})));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kGreater, Text("c")));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kStartsWith, Text("c")));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kNotEqual, Text("c")));
  EXPECT_TRUE(
      block.MayMatch(Predicate::Not(Predicate::Atom({"v", PredicateOp::kEqual, {Text("c")}}))));
  const SkipIndex& index = block.index();
  EXPECT_TRUE(index.CanPrune(Predicate::Or(
      {Predicate::Opaque(), Predicate::Atom({"v", PredicateOp::kEqual, {Text("c")}})})));
  EXPECT_FALSE(index.CanPrune(Predicate::Atom({"v", PredicateOp::kLess, {Text("c")}})));
  EXPECT_FALSE(index.CanPrune(Predicate::Atom({"w", PredicateOp::kEqual, {Text("c")}})));
}

TEST(BloomFilterTest, OfArraysTheElements) {
  const DataType strings = DataType::Array(TypeId::kString);
  const PrunedBlock block("bloom_filter", {},
                          Column(strings, {Value(ValueArray{Text("a"), Text("b")}),
                                           Value(ValueArray{}), Value(ValueArray{Text("z")})}));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kHas, Text("z")));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kHas, Text("y")));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kEqual, Value(ValueArray{Text("b"), Text("z")})));
  EXPECT_FALSE(block.MayMatch(PredicateOp::kEqual, Value(ValueArray{Text("b"), Text("y")})));
  EXPECT_TRUE(block.MayMatch(PredicateOp::kEqual, Value(ValueArray{})));
  const PrunedBlock empty("bloom_filter", {}, Column(strings, {Value(ValueArray{})}));
  EXPECT_FALSE(empty.MayMatch(PredicateOp::kHas, Text("z")));
}

TEST(BloomFilterTest, IsAsOftenWrongAsDeclaredAndAsSmallAsItCanBe) {
  constexpr uint64_t kValues = 20'000;
  std::vector<uint64_t> values(kValues);
  for (uint64_t i = 0; i < kValues; ++i) values[i] = 3 * i;
  const auto column = std::make_shared<NumberColumn<uint64_t>>(TypeId::kUInt64, values);
  for (const double declared : {0.25, 0.025, 0.001}) {
    const PrunedBlock block("bloom_filter", {Argument(declared)}, column);
    size_t in_vain = 0;
    for (uint64_t i = 0; i < kValues; ++i) {
      ASSERT_TRUE(block.MayMatch(PredicateOp::kEqual, Value(3 * i)));
      in_vain += block.MayMatch(PredicateOp::kEqual, Value(3 * i + 1));
    }
    EXPECT_GT(in_vain, declared * kValues * 0.5) << declared;
    EXPECT_LT(in_vain, declared * kValues * 1.6) << declared;
    EXPECT_LT(8.0 * static_cast<double>(block.bytes()), -2.1 * std::log(declared) * kValues + 100);
  }
}

TEST(BloomFilterTest, RefusesBadDeclarations) {
  const auto code = [](const DataType& type,
                       std::vector<IndexArgument> arguments) -> std::optional<ErrorCode> {
    try {
      SkipIndexRegistry::WithBuiltins()
          .Get("bloom_filter")
          .Declare(Declared("bloom_filter", type, std::move(arguments)), {});
    } catch (const Error& error) {
      return error.code();
    }
    return std::nullopt;
  };
  const DataType number(TypeId::kUInt8);
  EXPECT_EQ(code(number, {Argument(0.5)}), std::nullopt);
  EXPECT_EQ(code(number, {Argument(0)}), ErrorCode::kBadArguments);
  EXPECT_EQ(code(number, {Argument(1)}), ErrorCode::kBadArguments);
  EXPECT_EQ(code(number, {Argument("x")}), ErrorCode::kBadArguments);
  EXPECT_EQ(code(number, {Argument(0.5), Argument(1)}), ErrorCode::kNumberOfArgumentsDoesntMatch);
  EXPECT_EQ(code(DataType::Array(DataType::Array(number)), {}), ErrorCode::kBadArguments);
}

}  // namespace
}  // namespace granary
