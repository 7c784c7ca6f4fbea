#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/parser.h"
#include "granary/tests/random_seed.h"

namespace granary::sql {
namespace {

std::string Calls(std::string_view text) { return ColumnName(*ParseExpression(text)); }

const Literal& AsLiteral(const ExprPtr& expr) {
  const auto* literal = As<Literal>(*expr);
  if (!literal) throw std::runtime_error("not a literal: " + FormatExpr(*expr));
  return *literal;
}

std::string TypeOf(std::string_view text) { return AsLiteral(ParseExpression(text)).type.name(); }

std::string StringOf(std::string_view text) {
  return AsLiteral(ParseExpression(text)).value.as_string();
}

TEST(SqlExpression, PrecedenceAndNames) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"1 + 2 * 3 - 4", "minus(plus(1, multiply(2, 3)), 4)"},
      {"a - b - c", "minus(minus(a, b), c)"},
      {"a / b % c", "modulo(divide(a, b), c)"},
      {"a DIV b MOD c", "modulo(intDiv(a, b), c)"},
      {"-a * b", "multiply(negate(a), b)"},
      {"- -1", "negate(-1)"},
      {"a -1", "minus(a, 1)"},
      {"a - -1", "minus(a, -1)"},
      {"+1", "1"},
      {"a OR b AND NOT c = d", "or(a, and(b, not(equals(c, d))))"},
      {"a AND b AND c", "and(a, b, c)"},
      {"(a AND b) AND c", "and(and(a, b), c)"},
      {"a OR b OR c AND d", "or(a, b, and(c, d))"},
      {"NOT NOT a", "not(not(a))"},
      {"a = b IS NOT NULL", "isNotNull(equals(a, b))"},
      {"a IS NULL", "isNull(a)"},
      {"a == b", "equals(a, b)"},
      {"a <> b", "notEquals(a, b)"},
      {"a || b || c", "concat(a, b, c)"},
      {"a || b = c + d", "equals(concat(a, b), plus(c, d))"},
      {"a BETWEEN 1 AND 2 + 3 AND b",
       "and(and(greaterOrEquals(a, 1), lessOrEquals(a, plus(2, 3))), b)"},
      {"a NOT BETWEEN 1 AND 2", "or(less(a, 1), greater(a, 2))"},
      {"a LIKE 'x%' AND b NOT ILIKE 'y'", "and(like(a, 'x%'), notILike(b, 'y'))"},
      {"a NOT LIKE b OR a ILIKE b", "or(notLike(a, b), ilike(a, b))"},
      {"a REGEXP 'x'", "match(a, 'x')"},
      {"a IN (1)", "in(a, tuple(1))"},
      {"a NOT IN (1, 'x')", "notIn(a, tuple(1, 'x'))"},
      {"a IN ()", "in(a, tuple())"},
      {"a IN b", "in(a, b)"},
      {"a IN [1, 2]", "in(a, [1, 2])"},
      {"(a, b) IN ((1, 2), (3, 4))", "in(tuple(a, b), tuple(tuple(1, 2), tuple(3, 4)))"},
      {"a IN (SELECT b FROM c)", "in(a, (SELECT b FROM c))"},
      {"a[1][b + 1]", "arrayElement(arrayElement(a, 1), plus(b, 1))"},
      {"-a[1]", "negate(arrayElement(a, 1))"},
      {"'1'::UInt8 + 1", "plus(CAST('1', 'UInt8'), 1)"},
      {"[1, 2]::Array(Float32)", "CAST([1, 2], 'Array(Float32)')"},
      {"-1::Int8", "CAST(-1, 'Int8')"},
      {"CAST(a + 1 AS Array(Array( Float32 )))", "CAST(plus(a, 1), 'Array(Array(Float32))')"},
      {"cast(a, 'String')", "CAST(a, 'String')"},
      {"a::Decimal(10,2)", "CAST(a, 'Decimal(10, 2)')"},
      {"a ? b : c ? d : e", "if(a, b, if(c, d, e))"},
      {"a = 1 ? b : c", "if(equals(a, 1), b, c)"},
      {"CASE WHEN a THEN b WHEN c THEN d ELSE e END", "multiIf(a, b, c, d, e)"},
      {"CASE WHEN a THEN b END", "multiIf(a, b, NULL)"},
      {"CASE a WHEN 1 THEN b WHEN 2 THEN c ELSE d END",
       "multiIf(equals(a, 1), b, equals(a, 2), c, d)"},
      {"d + INTERVAL 3 DAY", "plus(d, toIntervalDay(3))"},
      {"d - INTERVAL '2 months'", "minus(d, toIntervalMonth(2))"},
      {"INTERVAL '4' HOUR", "toIntervalHour('4')"},
      {"INTERVAL (n + 1) WEEKS", "toIntervalWeek(plus(n, 1))"},
      {"INTERVAL n SECOND", "toIntervalSecond(n)"},
      {"EXTRACT(YEAR FROM d)", "toYear(d)"},
      {"EXTRACT(day FROM d + 1)", "toDayOfMonth(plus(d, 1))"},
      {"extract(s, 'a.b')", "extract(s, 'a.b')"},
      {"DATE '2024-05-01'", "toDate('2024-05-01')"},
      {"TIMESTAMP '2024-05-01 10:00:00'", "toDateTime('2024-05-01 10:00:00')"},
      {"SUBSTRING(s FROM 2 FOR 3)", "substring(s, 2, 3)"},
      {"substring(s, 2)", "substring(s, 2)"},
      {"TRIM(LEADING 'x' FROM s)", "trimLeft(s, 'x')"},
      {"trim(BOTH 'x' FROM s)", "trimBoth(s, 'x')"},
      {"trim(s)", "trim(s)"},
      {"(1, a)", "tuple(1, a)"},
      {"(a,)", "tuple(a)"},
      {"()", "tuple()"},
      {"(a)", "a"},
      {"[a, 1]", "array(a, 1)"},
      {"x -> x + 1", "x -> plus(x, 1)"},
      {"arrayMap((x, y) -> x * y, a, b)", "arrayMap((x, y) -> multiply(x, y), a, b)"},
      {"f(x -> y -> x, 1)", "f(x -> y -> x, 1)"},
      {"quantile(0.9)(DISTINCT x)", "quantile(0.9)(DISTINCT x)"},
      {"count(DISTINCT a, b)", "count(DISTINCT a, b)"},
      {"count(*)", "count(*)"},
      {"now()", "now()"},
      {"and(a, b, c)", "and(a, b, c)"},
      {"not(a)", "not(a)"},
      {"left(s, 1)", "left(s, 1)"},
      {"t.a + db.t.`b c`", "plus(t.a, db.t.`b c`)"},
      {"t.* EXCEPT (a, b)", "t.* EXCEPT (a, b)"},
      {"* EXCEPT a", "* EXCEPT (a)"},
      {"{v:Array(Float32)}", "{v:Array(Float32)}"},
      {"(SELECT max(x) FROM t)", "(SELECT max(x) FROM t)"},
      {"date", "date"},
      {"interval", "`interval`"},
      {"`null`.a", "`null`.a"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(Calls(text), expected) << text;
  }
}

TEST(SqlExpression, FormatsWithOperators) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"plus(a, multiply(b, 2))", "a + (b * 2)"},
      {"and(a, or(b, c), not(d))", "a AND (b OR c) AND (NOT d)"},
      {"and(a)", "and(a)"},
      {"x IN (1)", "x IN (1)"},
      {"in(x, a + b)", "in(x, a + b)"},
      {"x IN (SELECT 1)", "x IN (SELECT 1)"},
      {"negate(1)", "negate(1)"},
      {"-(a + 1)", "-(a + 1)"},
      {"a - -1", "a - (-1)"},
      {"(a, b)", "(a, b)"},
      {"tuple(a)", "tuple(a)"},
      {"(a AS b) + 1", "(a AS b) + 1"},
      {"f(a AS b) AS c", "f(a AS b) AS c"},
      {"CAST((a AS b), 'String')", "CAST((a AS b), 'String')"},
      {"(x -> x) AS f", "(x -> x) AS f"},
      {"arrayElement(-1, 1)", "(-1)[1]"},
      {"`from`.`a b` + `x\\`y`", "`from`.`a b` + `x\\`y`"},
      {"`CAST`(1, 2, 3)", "`CAST`(1, 2, 3)"},
      {"`not`(1, 2)", "`not`(1, 2)"},
      {"(a = b) IS NULL", "(a = b) IS NULL"},
      {"1.0", "1."},
      {"[1.0, 2.5]", "[1., 2.5]"},
      {"[[], [300]]", "[[], [300]]"},
      {"-0.0", "-0."},
      {"1e400", nullptr},
      {"-inf", "-inf"},
      {"nan", "nan"},
      {"true", "true"},
      {"NULL", "NULL"},
      {"'a\\n\\'\\\\\\0'", "'a\\n\\'\\\\\\0'"},
  };
  for (const auto& [text, expected] : cases) {
    if (!expected) {
      EXPECT_THROW(ParseExpression(text), Error) << text;
      continue;
    }
    const ExprPtr first = ParseExpression(text);
    EXPECT_EQ(FormatExpr(*first), expected) << text;
    const ExprPtr second = ParseExpression(expected);
    EXPECT_EQ(FormatExpr(*second), expected) << text;
    EXPECT_EQ(ColumnName(*second), ColumnName(*first)) << text;
  }
}

TEST(SqlExpression, TypesOfNumbers) {
  EXPECT_EQ(TypeOf("0"), "UInt8");
  EXPECT_EQ(TypeOf("255"), "UInt8");
  EXPECT_EQ(TypeOf("256"), "UInt16");
  EXPECT_EQ(TypeOf("65536"), "UInt32");
  EXPECT_EQ(TypeOf("4294967296"), "UInt64");
  EXPECT_EQ(TypeOf("18446744073709551615"), "UInt64");
  EXPECT_EQ(TypeOf("18446744073709551616"), "Float64");
  EXPECT_EQ(TypeOf("-1"), "Int8");
  EXPECT_EQ(TypeOf("-128"), "Int8");
  EXPECT_EQ(TypeOf("-129"), "Int16");
  EXPECT_EQ(TypeOf("-32769"), "Int32");
  EXPECT_EQ(TypeOf("-2147483649"), "Int64");
  EXPECT_EQ(TypeOf("-9223372036854775808"), "Int64");
  EXPECT_EQ(TypeOf("-9223372036854775809"), "Float64");
  EXPECT_EQ(TypeOf("-0"), "UInt8");
  EXPECT_EQ(TypeOf("1."), "Float64");
  EXPECT_EQ(TypeOf("inf"), "Float64");
  EXPECT_EQ(TypeOf("false"), "Bool");
  EXPECT_EQ(AsLiteral(ParseExpression("-9223372036854775808")).value,
            Value(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(AsLiteral(ParseExpression("1_000_000")).value, Value(uint64_t{1000000}));
  EXPECT_EQ(AsLiteral(ParseExpression("0xFF_FF")).value, Value(uint64_t{0xFFFF}));
  EXPECT_EQ(AsLiteral(ParseExpression("-0b101")).value, Value(int64_t{-5}));
  EXPECT_EQ(AsLiteral(ParseExpression("0x10000000000000000")).value, Value(0x1p64));
  EXPECT_EQ(AsLiteral(ParseExpression("-1.5e-3")).value, Value(-1.5e-3));
  EXPECT_TRUE(std::isnan(AsLiteral(ParseExpression("NaN")).value.as_double()));
}

TEST(SqlExpression, TypesOfArrays) {
  EXPECT_EQ(TypeOf("[]"), "Array(Nothing)");
  EXPECT_EQ(TypeOf("[1, 300]"), "Array(UInt16)");
  EXPECT_EQ(TypeOf("[1, -1]"), "Array(Int16)");
  EXPECT_EQ(TypeOf("[-1, -300]"), "Array(Int16)");
  EXPECT_EQ(TypeOf("[300, -1]"), "Array(Int32)");
  EXPECT_EQ(TypeOf("[0xFF, -1]"), "Array(Int16)");
  EXPECT_EQ(TypeOf("[1, 2.5]"), "Array(Float64)");
  EXPECT_EQ(TypeOf("[1, nan, -inf]"), "Array(Float64)");
  EXPECT_EQ(TypeOf("['a', 'b']"), "Array(String)");
  EXPECT_EQ(TypeOf("[true, false]"), "Array(Bool)");
  EXPECT_EQ(TypeOf("[[1], [], [-300]]"), "Array(Array(Int16))");
  EXPECT_EQ(TypeOf("[[1], [2.5]]"), "Array(Array(Float64))");
  EXPECT_EQ(Calls("[1, 'a']"), "array(1, 'a')");
  EXPECT_EQ(Calls("[1, NULL]"), "array(1, NULL)");
  EXPECT_EQ(Calls("[1, 2 + 3]"), "array(1, plus(2, 3))");
  EXPECT_EQ(Calls("[18446744073709551615, -1]"), "array(18446744073709551615, -1)");
}

TEST(SqlExpression, ElementsHaveTheRepresentationOfTheirType) {
  for (const char* text : {"[1, 2.5]", "[0x1, 2.5]"}) {
    const ValueArray values = AsLiteral(ParseExpression(text)).value.as_array();
    EXPECT_TRUE(values.at(0).is_float()) << text;
    EXPECT_TRUE(values.at(1).is_float()) << text;
  }
  for (const char* text : {"[1, -2]", "[0x1, -2]"}) {
    const ValueArray values = AsLiteral(ParseExpression(text)).value.as_array();
    EXPECT_TRUE(values.at(0).is_int()) << text;
    EXPECT_EQ(values.at(1).as_int(), -2) << text;
  }
}

// The fast reader of number arrays and the tokens agree; a space before ']' or a comment decides
// which of them reads.
TEST(SqlExpression, FastArraysEqualSlowOnes) {
  for (const char* body :
       {"1", "-1", "1, 2,3", " 1 ,\n 2 ", "1.5,-2.5e3", ".5, 1., -.5", "18446744073709551615, 1",
        "1e5, 1E-5", "999999999999999999, -99999999", "9999999999999999999", "-0, -0.0", "00012",
        "123456789012345678901234567890"}) {
    const std::string fast = "[" + std::string(body) + "]";
    const std::string slow = "[" + std::string(body) + "/**/]";
    EXPECT_EQ(Calls(fast), Calls(slow)) << body;
  }
  for (const char* wrong :
       {"[1,]", "[,1]", "[1 2]", "[1", "[1,", "[-]", "[1e]", "[1.2.3]", "[--1]"}) {
    EXPECT_THROW(ParseExpression(wrong), Error) << wrong;
  }
}

// Vectors are read eight digits at a time: every number must be the one that strtod reads.
TEST(SqlExpression, NumbersOfAVectorAreReadExactly) {
  const uint64_t seed = granary::SeedOfThisRun();
  std::mt19937 random(seed);
  const auto digits = [&](size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += static_cast<char>('0' + random() % 10);
    return text;
  };
  for (int run = 0; run < 300; ++run) {
    std::string text;
    std::vector<double> numbers;
    for (int i = 0; i < 30; ++i) {
      std::string number =
          (random() % 2 == 0 ? "-" : "") + digits(1 + random() % 10) + "." + digits(random() % 20);
      if (random() % 8 == 0) number += "e" + std::to_string(static_cast<int>(random() % 40) - 20);
      numbers.push_back(std::strtod(number.c_str(), nullptr));
      text += (i == 0 ? "[" : i % 3 == 0 ? " , " : ",") + number;
    }
    const ExprPtr vector = ParseExpression(text + "]");
    for (size_t i = 0; i < numbers.size(); ++i) {
      ASSERT_EQ(AsLiteral(vector).value.as_array()[i].as_double(), numbers[i])
          << text << ", number " << i << ", seed " << seed;
    }
  }
  // Characters beside the digits in ASCII, where eight digits could be.
  for (const char* text : {"[1.1234567:, 2]", "[1.1234567/, 2]", "[1.12345678", "[1.1234567 8]"}) {
    EXPECT_THROW(ParseExpression(text), Error) << text;
  }
}

TEST(SqlExpression, Strings) {
  EXPECT_EQ(StringOf("'it''s'"), "it's");
  EXPECT_EQ(StringOf(R"('\b\f\n\r\t\a\v\e\\\'\"\/')"), "\b\f\n\r\t\a\v\x1b\\'\"/");
  EXPECT_EQ(StringOf(R"('a\0b')"), std::string("a\0b", 3));
  EXPECT_EQ(StringOf(R"('\x41\xfF\x4')"), "A\xff\\x4");
  EXPECT_EQ(StringOf(R"('10\% \_ \N.')"), "10\\% \\_ .");
  EXPECT_EQ(StringOf("x'4869'"), "Hi");
  EXPECT_EQ(StringOf("x'F4869'"), "\x0fHi");
  EXPECT_EQ(StringOf("b'01001000'"), "H");
  EXPECT_EQ(StringOf("b'1'"), "\x01");
  EXPECT_EQ(StringOf("$$a'\\n$$"), "a'\\n");
  EXPECT_EQ(StringOf("$x$a$$b$x$"), "a$$b");
}

TEST(SqlExpression, AliasesStayWhereTheyWereWritten) {
  const ExprPtr expr = ParseExpression("f((a AS b) + 1, [x AS y]) AS c");
  EXPECT_EQ(expr->alias, "c");
  EXPECT_EQ(FormatExpr(*expr), "f((a AS b) + 1, array(x AS y)) AS c");
  EXPECT_EQ(ColumnName(*expr), "f(plus(a, 1), array(x))");
  EXPECT_THROW(ParseExpression("(a AS b) AS c"), Error);
}

TEST(SqlExpression, OffsetsPointIntoTheText) {
  const ExprPtr expr = ParseExpression("  abc + f(1, [2], {p:String})");
  const auto* plus = As<Function>(*expr);
  ASSERT_NE(plus, nullptr);
  EXPECT_EQ(plus->offset, 6u);
  EXPECT_EQ(plus->arguments[0]->offset, 2u);
  const auto* call = As<Function>(*plus->arguments[1]);
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->offset, 8u);
  EXPECT_EQ(call->arguments[0]->offset, 10u);
  EXPECT_EQ(call->arguments[1]->offset, 13u);
  EXPECT_EQ(call->arguments[2]->offset, 18u);
}

TEST(SqlExpression, LongVectorIsOneNode) {
  std::string text = "[";
  for (int i = 0; i < 1536; ++i) text += (i ? "," : "") + std::to_string(i * 0.001 - 0.7);
  text += "]";
  const ExprPtr expr = ParseExpression(text);
  EXPECT_EQ(expr->node_count, 1u);
  EXPECT_EQ(AsLiteral(expr).type.name(), "Array(Float64)");
  EXPECT_EQ(AsLiteral(expr).value.as_array().size(), 1536u);
  EXPECT_DOUBLE_EQ(AsLiteral(expr).value.as_array()[1].as_double(), -0.699);
}

}  // namespace
}  // namespace granary::sql
