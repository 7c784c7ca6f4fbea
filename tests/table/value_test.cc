#include "granary/table/value.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "granary/tests/random_seed.h"

namespace granary {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInf = std::numeric_limits<double>::infinity();

TEST(ValueTest, NumbersCompareByMathematicalValue) {
  const std::vector<Value> ascending = {-kInf,
                                        -1e300,
                                        std::numeric_limits<int64_t>::min(),
                                        int64_t{-1},
                                        -0.5,
                                        uint64_t{0},
                                        0.5,
                                        int64_t{1},
                                        9007199254740992.0,
                                        uint64_t{9007199254740993},
                                        int64_t{9007199254740994},
                                        std::numeric_limits<uint64_t>::max(),
                                        0x1p64,
                                        kInf,
                                        kNan};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      const int expected = i < j ? -1 : i > j;
      EXPECT_EQ(CompareValues(ascending[i], ascending[j]), expected) << i << " " << j;
    }
  }
}

TEST(ValueTest, EqualAcrossRepresentations) {
  EXPECT_EQ(Value(uint64_t{7}), Value(int64_t{7}));
  EXPECT_EQ(Value(uint64_t{7}), Value(7.0));
  EXPECT_EQ(Value(int64_t{-7}), Value(-7.0));
  EXPECT_EQ(Value(kNan), Value(kNan));
}

TEST(ValueTest, KindsAndArraysAreOrdered) {
  EXPECT_LT(CompareValues(uint64_t{9}, std::string("1")), 0);
  EXPECT_LT(CompareValues(std::string("z"), ValueArray{}), 0);
  const Value a = ValueArray{uint64_t{1}}, b = ValueArray{uint64_t{1}, uint64_t{0}};
  EXPECT_LT(CompareValues(a, b), 0);
  EXPECT_LT(CompareValues(std::string("ab"), std::string("b")), 0);
}

TEST(ValueTest, PrintsSql) {
  EXPECT_EQ(ValueToSql(std::string("it's\n\\"), TypeId::kString), "'it\\'s\\n\\\\'");
  EXPECT_EQ(ValueToSql(ValueArray{0.1, 2.0}, DataType::Array(TypeId::kFloat64)), "[0.1, 2]");
  EXPECT_EQ(ValueToSql(uint64_t{19844}, TypeId::kDate), "'2024-05-01'");
  EXPECT_EQ(ValueToSql(uint64_t{1714565045}, TypeId::kDateTime), "'2024-05-01 12:04:05'");
  EXPECT_EQ(ValueToSql(static_cast<double>(0.1f), TypeId::kFloat32), "0.1");
  EXPECT_EQ(ValueToSql(uint64_t{1}, TypeId::kBool), "true");
}

Value RandomValue(std::mt19937_64& random, int depth) {
  switch (random() % (depth > 2 ? 4 : 5)) {
    case 0:
      return uint64_t{random()};
    case 1:
      return static_cast<int64_t>(random());
    case 2:
      return std::bit_cast<double>(random());
    case 3:
      return std::string(random() % 20, static_cast<char>(random()));
    default:
      break;
  }
  ValueArray array(random() % 4);
  for (Value& element : array) element = RandomValue(random, depth + 1);
  return array;
}

TEST(ValueTest, BinaryFormReadsBackAndSurvivesDamage) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; ++i) {
    const Value value = RandomValue(random, 0);
    ByteWriter out;
    WriteValue(value, out);
    ByteReader in(out.bytes(), "value");
    EXPECT_EQ(ReadValue(in), value);
    in.ExpectEnd();

    std::vector<std::byte> damaged = out.Take();
    damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    damaged.resize(random() % (damaged.size() + 1));
    try {
      ByteReader hostile(damaged, "value");
      ReadValue(hostile);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptedData);
    }
  }
}

}  // namespace
}  // namespace granary
