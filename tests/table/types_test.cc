#include "granary/table/types.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace granary {
namespace {

ErrorCode ParseError(std::string_view name) {
  try {
    DataType::Parse(name);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kLogicalError;
}

TEST(DataTypeTest, ParsesCanonicalNamesAndPrintsThem) {
  for (const char* name : {"Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64",
                           "Float32", "Float64", "BFloat16", "Bool", "String", "Date", "DateTime",
                           "Array(Float32)", "Array(Array(String))"}) {
    EXPECT_EQ(DataType::Parse(name).name(), name);
  }
}

TEST(DataTypeTest, ParsesAliasesInAnyCaseAndSpaces) {
  EXPECT_EQ(DataType::Parse("bigint"), DataType(TypeId::kInt64));
  EXPECT_EQ(DataType::Parse("Double Precision"), DataType(TypeId::kFloat64));
  EXPECT_EQ(DataType::Parse(" Array( Array( TEXT ) ) ").name(), "Array(Array(String))");
}

TEST(DataTypeTest, RefusesWhatItDoesNotHave) {
  for (const char* name : {"", "int8", "Nullable(Int8)", "Array()", "Array(Float32", "Array",
                           "Array(LowCardinality(String))", "Decimal(9, 2)", "Nothing"}) {
    EXPECT_EQ(ParseError(name), ErrorCode::kUnknownType) << name;
  }
  std::string deep = "Int8";
  for (int i = 0; i < 10000; ++i) deep = "Array(" + deep + ")";
  EXPECT_EQ(ParseError(deep), ErrorCode::kUnknownType);
}

TEST(DataTypeTest, ComparesByContent) {
  EXPECT_EQ(DataType::Array(TypeId::kFloat32), DataType::Parse("Array(Float32)"));
  EXPECT_NE(DataType::Array(TypeId::kFloat32), DataType::Array(TypeId::kFloat64));
  EXPECT_NE(DataType::Array(TypeId::kFloat32), DataType(TypeId::kFloat32));
}

TEST(DataTypeTest, KnowsPhysicalSizes) {
  EXPECT_EQ(DataType(TypeId::kBool).fixed_bytes(), 1u);
  EXPECT_EQ(DataType(TypeId::kDate).fixed_bytes(), 2u);
  EXPECT_EQ(DataType(TypeId::kDateTime).fixed_bytes(), 4u);
  EXPECT_EQ(DataType(TypeId::kFloat64).fixed_bytes(), 8u);
  EXPECT_EQ(DataType(TypeId::kString).fixed_bytes(), 0u);
}

TEST(BFloat16Test, RoundsToNearestEvenAndKeepsSpecials) {
  EXPECT_EQ(static_cast<float>(BFloat16(1.0f)), 1.0f);
  EXPECT_EQ(static_cast<float>(BFloat16(1.0f + 0x1p-8f)), 1.0f);            // tie, to even
  EXPECT_EQ(static_cast<float>(BFloat16(1.0f + 0x3p-8f)), 1.0f + 0x1p-6f);  // tie, to even
  EXPECT_EQ(static_cast<float>(BFloat16(1.0f + 0x1.02p-8f)), 1.0f + 0x1p-7f);
  EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_EQ(static_cast<float>(BFloat16(-std::numeric_limits<float>::infinity())),
            -std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace granary
