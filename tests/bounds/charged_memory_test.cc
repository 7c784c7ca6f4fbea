// What is charged to the memory limit against what is allocated, at the peaks of statements that
// need much memory: every operator, family of functions and kind of statement. Both count bytes, so
// that the result depends on no machine. Mapped files count on neither side.
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/bounds/bounds_table.h"
#include "granary/tests/bounds/counted_memory.h"
#include "granary/tests/query/database_testing.h"

namespace granary {
namespace {

constexpr double kLeastRatio = 0.8;
constexpr double kGreatestRatio = 1.2;
// Of smaller statements what a database is made of is a part.
constexpr size_t kMeaningfulBytes = 4 << 20;

struct Case {
  std::string name;
  std::string sql;
  std::vector<std::string> before = {};  // statements that are not measured
};

struct Peaks {
  size_t charged = 0;
  size_t allocated = 0;
};

// Of the statement alone, in a database that was just opened.
Peaks Measure(const Case& measured) {
  const DatabaseOptions options = BoundsDirectory::Shared().Options();
  if (!measured.before.empty()) {
    const std::unique_ptr<Database> before = Database::Open(options);
    for (const std::string& statement : measured.before) before->Execute(statement);
  }
  const std::unique_ptr<Database> database = Database::Open(options);
  const size_t charged_before = database->memory_peak();
  const size_t allocated_before = AllocatedBytes();
  ResetAllocatedPeak();
  {
    Result result = database->Execute(measured.sql);
    while (result.Next()) {
    }
  }
  EXPECT_GT(database->memory_peak(), charged_before);
  return {database->memory_peak(), AllocatedPeak() - allocated_before};
}

void CheckRatio(const Case& measured, const Peaks& peaks) {
  const double ratio = static_cast<double>(peaks.charged) / static_cast<double>(peaks.allocated);
  std::printf("%-24s charged %7.1f MB, allocated %7.1f MB, ratio %.2f\n", measured.name.c_str(),
              static_cast<double>(peaks.charged) / 1e6, static_cast<double>(peaks.allocated) / 1e6,
              ratio);
  EXPECT_GE(peaks.allocated, kMeaningfulBytes) << measured.name;
  EXPECT_GE(ratio, kLeastRatio) << measured.name;
  EXPECT_LE(ratio, kGreatestRatio) << measured.name;
}

void CheckAll(std::span<const Case> cases) {
#ifndef GRANARY_COUNTS_MEMORY
  GTEST_SKIP() << "a sanitizer allocates";
#endif
  BoundsDirectory::Shared();
  for (const Case& measured : cases) CheckRatio(measured, Measure(measured));
}

const Case kOperators[] = {
    {"Scan", "SELECT s, a FROM t SETTINGS max_block_size = 65536"},
    {"BlocksBetweenSteps", "SELECT concat(s, s, s, s) AS x FROM t WHERE k < 900"},
    {"Sort", "SELECT s, id FROM t ORDER BY s"},
    {"SortOfNumbers", "SELECT number FROM numbers(1000000) ORDER BY xxHash64(number)"},
    {"SortOfArrays", "SELECT a FROM t ORDER BY k, a DESC"},
    {"FirstOfSort", "SELECT s FROM t ORDER BY s LIMIT 150000"},
    {"GroupByNumbers", "SELECT number % 700000 AS g, count() FROM numbers(1000000) GROUP BY g"},
    {"GroupByStrings", "SELECT s, max(id) FROM t GROUP BY s"},
    {"GroupByTwoKeys", "SELECT s, id, count() FROM t GROUP BY s, id"},
    {"Distinct", "SELECT DISTINCT s FROM t"},
    {"LimitBy", "SELECT s FROM t LIMIT 1 BY s"},
    {"UnionDistinct", "SELECT s FROM t UNION DISTINCT SELECT concat(s, 'x') FROM t"},
    {"InSubquery", "SELECT count() FROM t WHERE s IN (SELECT s FROM t)"},
    {"InSubqueryOfNumbers",
     "SELECT count() FROM t WHERE id IN (SELECT number FROM numbers(1000000))"},
    {"TupleInSubquery", "SELECT count() FROM t WHERE (id, s) IN (SELECT id, s FROM t)"},
    {"ScalarSubquery", "SELECT length((SELECT groupArray(s) FROM t))"},
    {"GraphSearch",
     "SELECT s FROM n ORDER BY L2Distance(v, [1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7]) LIMIT 40000 "
     "SETTINGS vector_search_method = 'graph', max_limit_for_vector_search_queries = 100000"},
    {"ExactSearch",
     "SELECT id, s FROM n ORDER BY L2Distance(v, [1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7]) LIMIT "
     "50000 SETTINGS vector_search_method = 'scan'"},
    {"NearestNeighbourJoin",
     "SELECT q.id, n.s FROM (SELECT id, v FROM n WHERE id < 400) AS q CROSS JOIN n ORDER BY "
     "L2Distance(n.v, q.v) LIMIT 200 BY q.id"},
};

const Case kAggregates[] = {
    {"groupArray", "SELECT groupArray(number) FROM numbers(2000000)"},
    {"groupArrayOfStrings", "SELECT length(groupArray(s)) FROM t"},
    {"groupArrayOfArrays", "SELECT length(array_agg(a)) FROM t"},
    {"groupArrayByKey", "SELECT k, groupArray(s) FROM t GROUP BY k"},
    {"groupUniqArray", "SELECT length(groupUniqArray(s)) FROM t"},
    {"uniqExact", "SELECT uniqExact(number) FROM numbers(1000000)"},
    {"uniqExactOfStrings", "SELECT uniqExact(s) FROM t"},
    {"countDistinctByKey", "SELECT k, count(DISTINCT s) FROM t GROUP BY k"},
    {"sumDistinct", "SELECT sum(DISTINCT number) FROM numbers(500000)"},
    {"median", "SELECT median(number) FROM numbers(2000000)"},
    {"maxOfLongStrings",
     "SELECT number AS g, max(repeat(toString(number), 1000)) FROM numbers(4000) GROUP BY g"},
    {"anyLastOfLongStrings",
     "SELECT number % 4000 AS g, anyLast(repeat(toString(number), 1000)) FROM numbers(40000) GROUP "
     "BY g"},
    {"argMaxOfStrings", "SELECT id, argMax(s, k) FROM t GROUP BY id"},
    {"argMinOfArrays", "SELECT id, argMin(a, s) FROM t GROUP BY id"},
    {"maxOfArrays", "SELECT id, max(a) FROM t GROUP BY id"},
    {"quantilesByKey",
     "SELECT number % 1000 AS g, quantiles(0.1, 0.9)(number) FROM "
     "numbers(1000000) GROUP BY g"},
    {"variance", "SELECT number AS g, varPop(number), avg(number) FROM numbers(300000) GROUP BY g"},
};

const Case kFunctions[] = {
    {"range", "SELECT length(range(3000000))"},
    {"rangeOfRows", "SELECT range(number) FROM numbers(3000)"},
    {"arrayMap", "SELECT length(arrayMap(x -> x * 2 + 1, range(2000000)))"},
    {"arrayFilter", "SELECT length(arrayFilter(x -> x % 2 = 0, range(3000000)))"},
    {"arraySort", "SELECT length(arraySort(x -> xxHash64(x), range(1000000)))"},
    {"arrayDistinct", "SELECT length(arrayDistinct(range(1000000)))"},
    {"arrayConcat", "SELECT length(arrayConcat(range(2000000), range(2000000)))"},
    {"arrayReverse", "SELECT length(arrayReverse(range(3000000)))"},
    {"arrayResize", "SELECT length(arrayResize([1], 5000000, 7))"},
    {"arrayWithConstant", "SELECT length(arrayWithConstant(500000, 'some text'))"},
    {"arrayReduce", "SELECT length(arrayReduce('groupUniqArray', range(500000)))"},
    {"arrayUniq", "SELECT arrayUniq(range(1000000))"},
    {"arrayCumSum", "SELECT length(arrayCumSum(range(3000000)))"},
    {"arrayEnumerate", "SELECT length(arrayEnumerate(range(3000000)))"},
    {"arraySlice", "SELECT length(arraySlice(range(3000000), 2))"},
    {"hasAll", "SELECT hasAll(range(500000), range(400000))"},
    {"repeat", "SELECT length(repeat('abc', 10000000))"},
    {"repeatOfRows", "SELECT repeat(toString(number), 5000) FROM numbers(3000)"},
    {"space", "SELECT length(space(20000000))"},
    {"rightPad", "SELECT length(rightPad('a', 20000000, 'xy'))"},
    {"replaceAll", "SELECT length(replaceAll(repeat('a', 2000000), 'a', 'bcdef'))"},
    {"arrayStringConcat",
     "SELECT length(arrayStringConcat(arrayMap(x -> 'text', range(800000)), "
     "','))"},
    {"splitByChar", "SELECT length(splitByChar(',', repeat('abc,', 500000)))"},
    {"concat", "SELECT length(concat(repeat('a', 8000000), repeat('b', 8000000)))"},
    {"upper", "SELECT length(upper(repeat('a', 20000000)))"},
    {"upperUTF8", "SELECT length(upperUTF8(repeat('ä', 5000000)))"},
    {"reverse", "SELECT length(reverse(repeat('ab', 10000000)))"},
    {"hex", "SELECT length(hex(repeat('ab', 5000000)))"},
    {"toStringOfArray", "SELECT length(toString(range(1000000)))"},
    {"castToArray", "SELECT length(CAST(toString(range(500000)) AS Array(UInt32)))"},
    {"substring", "SELECT length(substring(repeat('ab', 10000000), 3))"},
    {"if", "SELECT if(number % 2 = 0, repeat('a', 1000), repeat('b', 900)) FROM numbers(60000)"},
};

std::string LiteralList(size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ",") + std::to_string(i * 7);
  return list;
}

std::string TextList(size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i) {
    list += (i == 0 ? "'" : ",'") + std::string(100, 'y') + std::to_string(i) + "'";
  }
  return list;
}

std::string ValueRows(size_t count) {
  std::string rows;
  for (size_t i = 0; i < count; ++i) {
    rows += (i == 0 ? "(" : ",(") + std::to_string(i) + ",'some text that is stored')";
  }
  return rows;
}

std::string Branches(size_t count) {
  std::string sql = "multiIf(";
  for (size_t i = 0; i < count; ++i) {
    sql += "id = " + std::to_string(i) + ", " + std::to_string(i * 3) + ", ";
  }
  return sql + "0)";
}

// A common table that doubles so many times.
std::string Doubling(size_t levels) {
  std::string sql = "WITH c0 AS (SELECT 1 AS x)";
  for (size_t i = 1; i <= levels; ++i) {
    const std::string before = "c" + std::to_string(i - 1);
    sql += ", c" + std::to_string(i) + " AS (SELECT x FROM " + before +
           " UNION ALL SELECT x FROM " + before + ")";
  }
  return sql + " SELECT count() FROM c" + std::to_string(levels);
}

constexpr const char* kNewTable =
    "CREATE TABLE u (id UInt32, s String) ENGINE = MergeTree ORDER BY ";

const Case kStatements[] = {
    {"InsertSelect", "INSERT INTO u SELECT id, s FROM t", {kNewTable + std::string("s")}},
    {"InsertValues",
     "INSERT INTO x VALUES " + ValueRows(200000),
     {"CREATE TABLE x (id UInt32, s String) ENGINE = MergeTree ORDER BY id"}},
    {"Update",
     "ALTER TABLE u UPDATE s = concat(s, 'x') WHERE id % 2 = 0",
     {"DROP TABLE u", kNewTable + std::string("id"), "INSERT INTO u SELECT id, s FROM t"}},
    {"Optimize", "OPTIMIZE TABLE u FINAL", {"INSERT INTO u SELECT id, s FROM t"}},
    {"MaterializeIndex",
     "ALTER TABLE n MATERIALIZE INDEX near",
     {"ALTER TABLE n CLEAR INDEX near"}},
    {"LiteralList", "SELECT count() FROM t WHERE id IN (" + LiteralList(200000) + ")"},
    {"LiteralTexts", "SELECT count() FROM t WHERE s IN (" + TextList(50000) + ")"},
    {"LiteralText", "SELECT s = '" + std::string(10000000, 'x') + "' FROM t LIMIT 1"},
    {"Branches", "SELECT " + Branches(3000) + " AS x FROM t LIMIT 1 SETTINGS max_ast_elements = 0"},
    {"Planning", Doubling(12)},
};

// The build of a graph over so many vectors; `type` is what stands behind the distance.
Case GraphBuild(const std::string& name, size_t rows, size_t dimensions, const std::string& type) {
  const std::string width = std::to_string(dimensions);
  return {name,
          "ALTER TABLE g MATERIALIZE INDEX near",
          {"DROP TABLE IF EXISTS g",
           "CREATE TABLE g (id UInt32, v Array(Float32)) ENGINE = MergeTree ORDER BY id",
           "INSERT INTO g SELECT number, arrayMap(i -> toFloat32(xxHash64(number * " + width +
               " + i) % 1000), range(" + width + ")) FROM numbers(" + std::to_string(rows) + ")",
           "ALTER TABLE g ADD INDEX near v TYPE vector_similarity('hnsw', " + type + ")"}};
}

const Case kGraphBuilds[] = {
    GraphBuild("GraphOfFewDimensions", 60000, 4, "'L2Distance', 4, 'i8', 16, 64"),
    GraphBuild("GraphOfManyDimensions", 12000, 400, "'L2Distance', 400, 'i8', 32, 128"),
    GraphBuild("GraphOfFewLinks", 40000, 32, "'cosineDistance', 32, 'bf16', 8, 64"),
    GraphBuild("GraphOfManyLinks", 12000, 32, "'L2Distance', 32, 'f32', 96, 400"),
    GraphBuild("GraphOfProducts", 30000, 48, "'dotProduct', 48"),
    GraphBuild("GraphOfBits", 30000, 64, "'cosineDistance', 64, 'b1', 32, 128"),
    GraphBuild("GraphOfOneLeaf", 3000, 32, "'L2Distance', 32, 'i8', 64, 500"),
    {"InsertWithGraph",
     "INSERT INTO g SELECT id, v FROM n",
     {"DROP TABLE IF EXISTS g",
      "CREATE TABLE g (id UInt32, v Array(Float32), INDEX near v TYPE vector_similarity('hnsw', "
      "'L2Distance', 16)) ENGINE = MergeTree ORDER BY id"}},
};

// What a prepared statement keeps: its syntax tree, and a plan with constants.
TEST(ChargedMemoryTest, PreparedStatements) {
#ifndef GRANARY_COUNTS_MEMORY
  GTEST_SKIP() << "a sanitizer allocates";
#endif
  const Case kept[] = {
      {"PreparedNumbers", "SELECT count() FROM t WHERE id IN (" + LiteralList(200000) + ")"},
      {"PreparedTexts", "SELECT count() FROM t WHERE s IN (" + TextList(50000) + ")"},
      {"PreparedArray", "SELECT length([" + LiteralList(200000) + "]) FROM t"},
      {"PreparedText", "SELECT concat(s, '" + std::string(10000000, 'x') + "') FROM t"},
      {"PreparedExpression", "SELECT " + Branches(10000) + " AS x FROM t"},
      {"PreparedWith", Doubling(12)},
      {"PreparedParameter", "SELECT s = {p:String}, s IN (" + TextList(50000) + ") FROM t"},
  };
  const std::unique_ptr<Database> database = Database::Open(BoundsDirectory::Shared().Options());
  database->Execute("SET max_ast_elements = 0, max_query_size = 100000000");
  for (const Case& one : kept) {
    const size_t charged_before = database->memory_used();
    const size_t allocated_before = AllocatedBytes();
    {
      PreparedStatement statement = database->Prepare(one.sql);
      CheckRatio(one,
                 {database->memory_used() - charged_before, AllocatedBytes() - allocated_before});
    }
    EXPECT_EQ(database->memory_used(), charged_before) << one.name;
  }
}

TEST(ChargedMemoryTest, Operators) { CheckAll(kOperators); }
TEST(ChargedMemoryTest, Aggregates) { CheckAll(kAggregates); }
TEST(ChargedMemoryTest, Functions) { CheckAll(kFunctions); }
TEST(ChargedMemoryTest, Statements) { CheckAll(kStatements); }
TEST(ChargedMemoryTest, GraphBuilds) { CheckAll(kGraphBuilds); }

}  // namespace
}  // namespace granary
