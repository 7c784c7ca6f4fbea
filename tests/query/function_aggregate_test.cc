#include <cmath>
#include <random>

#include "expr_testing.h"
#include "granary/query/functions/aggregate_function.h"

namespace granary {
namespace {

std::vector<DataType> TypesOf(const std::vector<ColumnPtr>& columns) {
  std::vector<DataType> types;
  for (const ColumnPtr& column : columns) types.push_back(column->type());
  return types;
}

struct Call {
  std::string name;
  std::vector<Value> parameters;
  std::vector<ColumnPtr> arguments;
  bool distinct = false;

  AggregateFunctionPtr Bind() const {
    return BindAggregateFunction(name, parameters, TypesOf(arguments), distinct);
  }
};

// The result over all rows as "Type value".
std::string Aggregate(const Call& call) {
  const AggregateFunctionPtr function = call.Bind();
  const auto states = function->MakeStates();
  states->Resize(1);
  const size_t rows = call.arguments.empty() ? 4 : call.arguments[0]->size();
  states->AddAll(0, rows, call.arguments);
  const ColumnPtr result = states->Finish();
  EXPECT_EQ(result->type(), function->result_type());
  EXPECT_EQ(result->size(), 1u);
  return result->type().name() + " " + RowText(*result, 0);
}

const ColumnPtr kSmall = MakeColumn(TypeId::kUInt8, {3, 1, 2, 1});
const ColumnPtr kFloats = MakeColumn(TypeId::kFloat32, {1.5, NAN, -2.0, 0.5});
const ColumnPtr kTexts = MakeColumn(TypeId::kString, {"b", "", "c", "b"});
const ColumnPtr kDates = MakeColumn(TypeId::kDate, {10, 20, 30, 40});
const ColumnPtr kArrays =
    MakeColumn(DataType::Array(TypeId::kUInt8),
               {ValueArray{2}, ValueArray{1, 5}, ValueArray{}, ValueArray{2}});
const ColumnPtr kTruth = MakeColumn(TypeId::kUInt8, {1, 0, 1, 0});
const ColumnPtr kBFloats = MakeColumn(TypeId::kBFloat16, {1.0, 2.0, 3.0, 4.0});

TEST(AggregateFunction, ResultsAndTypes) {
  const std::vector<std::pair<Call, std::string>> cases = {
      {{"count", {}, {}}, "UInt64 4"},
      {{"COUNT", {}, {kTexts}}, "UInt64 4"},
      {{"sum", {}, {kSmall}}, "UInt64 7"},
      {{"sum", {}, {MakeColumn(TypeId::kInt32, {-5, 2})}}, "Int64 -3"},
      {{"sum", {}, {MakeColumn(TypeId::kUInt64, {uint64_t(-1), 2})}}, "UInt64 1"},
      {{"sum", {}, {kBFloats}}, "Float64 10"},
      {{"sum", {}, {kFloats}}, "Float64 nan"},
      {{"avg", {}, {kSmall}}, "Float64 1.75"},
      {{"avg", {}, {MakeColumn(TypeId::kUInt64, {uint64_t(-1), uint64_t(-1)})}},
       "Float64 18446744073709552000"},
      {{"min", {}, {kFloats}}, "Float32 -2"},
      {{"max", {}, {kFloats}}, "Float32 1.5"},
      {{"max", {}, {kTexts}}, "String c"},
      {{"min", {}, {kDates}}, "Date 1970-01-11"},
      {{"max", {}, {kArrays}}, "Array(UInt8) [2]"},
      {{"min", {}, {kBFloats}}, "BFloat16 1"},
      {{"any", {}, {kTexts}}, "String b"},
      {{"anyLast", {}, {kSmall}}, "UInt8 1"},
      {{"argMin", {}, {kTexts, kSmall}}, "String "},
      {{"argMax", {}, {kDates, kTexts}}, "Date 1970-01-31"},
      {{"uniqExact", {}, {kSmall}}, "UInt64 3"},
      {{"uniqExact", {}, {kFloats}}, "UInt64 4"},
      {{"uniqExact", {}, {kArrays}}, "UInt64 3"},
      {{"uniqExact", {}, {kSmall, kTexts}}, "UInt64 4"},
      {{"count", {}, {kSmall}, true}, "UInt64 3"},
      {{"sum", {}, {kSmall}, true}, "UInt64 6"},
      {{"sumDistinct", {}, {kSmall}}, "UInt64 6"},
      {{"sumIf", {}, {kSmall, kTruth}}, "UInt64 5"},
      {{"countIf", {}, {kTruth}}, "UInt64 2"},
      {{"avgIf", {}, {kSmall, MakeColumn(TypeId::kUInt8, {0, 0, 0, 0})}}, "Float64 nan"},
      {{"uniqExactIf", {}, {kTexts, kTruth}}, "UInt64 2"},
      {{"groupArray", {}, {kTexts}}, "Array(String) ['b','','c','b']"},
      {{"groupArray", {uint64_t{2}}, {kSmall}}, "Array(UInt8) [3,1]"},
      {{"groupUniqArray", {}, {kSmall}}, "Array(UInt8) [3,1,2]"},
      {{"groupArrayIf", {}, {kArrays, kTruth}}, "Array(Array(UInt8)) [[2],[]]"},
      {{"quantile", {}, {kSmall}}, "Float64 1.5"},
      {{"quantile", {0.25}, {MakeColumn(TypeId::kInt64, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})}},
       "Float64 2.25"},
      {{"quantile", {}, {kFloats}}, "Float64 0.5"},
      {{"quantile", {0.75}, {kBFloats}}, "Float64 3.25"},
      {{"quantile", {}, {kDates}}, "Date 1970-01-26"},
      {{"median", {}, {kSmall}}, "Float64 1.5"},
      {{"quantiles", {0.0, 1.0}, {kSmall}}, "Array(Float64) [1,3]"},
      {{"quantileExact", {0.5}, {kSmall}}, "UInt8 2"},
      {{"quantilesExact", {0.5, 1.0}, {kFloats}}, "Array(Float32) [0.5,1.5]"},
      {{"quantileExact", {}, {kBFloats}}, "BFloat16 3"},
      {{"varPop", {}, {MakeColumn(TypeId::kInt32, {0, 1, 2, 3, 4})}}, "Float64 2"},
      {{"varSamp", {}, {MakeColumn(TypeId::kInt32, {0, 1, 2, 3, 4})}}, "Float64 2.5"},
      {{"stddevPop", {}, {MakeColumn(TypeId::kFloat32, {1.0, 3.0})}}, "Float32 1"},
      {{"stddevSamp", {}, {MakeColumn(TypeId::kInt32, {1})}}, "Float64 nan"},
      {{"groupBitAnd", {}, {kSmall}}, "UInt8 0"},
      {{"groupBitOr", {}, {kSmall}}, "UInt8 3"},
      {{"groupBitXor", {}, {kSmall}}, "UInt8 1"},
  };
  for (const auto& [call, expected] : cases) EXPECT_EQ(Aggregate(call), expected) << call.name;
}

TEST(AggregateFunction, ConstantsCountForEveryRow) {
  const ColumnPtr two = MakeConstant(TypeId::kInt16, int64_t{2}, 4);
  EXPECT_EQ(Aggregate({"sum", {}, {two}}), "Int64 8");
  EXPECT_EQ(Aggregate({"groupArray", {}, {two}}), "Array(Int16) [2,2,2,2]");
  EXPECT_EQ(Aggregate({"uniqExact", {}, {two}}), "UInt64 1");
  EXPECT_EQ(Aggregate({"sumIf", {}, {two, kTruth}}), "Int64 4");
  EXPECT_EQ(Aggregate({"max", {}, {MakeConstant(kArrays->type(), ValueArray{7}, 4)}}),
            "Array(UInt8) [7]");
}

TEST(AggregateFunction, NothingSeen) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"count", "0"},    {"sum", "0"},           {"avg", "nan"},       {"min", "0"},
      {"any", "0"},      {"uniqExact", "0"},     {"groupArray", "[]"}, {"quantile", "nan"},
      {"varPop", "nan"}, {"quantileExact", "0"}, {"median", "nan"}};
  for (const auto& [name, expected] : cases) {
    const auto states = Call{name, {}, {kSmall}}.Bind()->MakeStates();
    states->Resize(2);
    EXPECT_EQ(ColumnText(*states->Finish()), expected + "|" + expected) << name;
    EXPECT_EQ(states->groups(), 2u);
  }
  const auto texts = Call{"min", {}, {kTexts}}.Bind()->MakeStates();
  texts->Resize(1);
  EXPECT_EQ(ColumnText(*texts->Finish()), "");
}

TEST(AggregateFunction, Errors) {
  const auto bind = [](const Call& call) { call.Bind(); };
  EXPECT_ERROR(bind({"summ", {}, {kSmall}}), ErrorCode::kUnknownAggregateFunction, "sum");
  EXPECT_ERROR(bind({"sum", {}, {}}), ErrorCode::kNumberOfArgumentsDoesntMatch, "takes 1");
  EXPECT_ERROR(bind({"sum", {}, {kTexts}}), ErrorCode::kIllegalTypeOfArgument, "String");
  EXPECT_ERROR(bind({"avg", {}, {kDates}}), ErrorCode::kIllegalTypeOfArgument, "Date");
  EXPECT_ERROR(bind({"sum", {uint64_t{1}}, {kSmall}}), ErrorCode::kBadArguments, "parameters");
  EXPECT_ERROR(bind({"quantile", {2.0}, {kSmall}}), ErrorCode::kBadArguments, "from 0 to 1");
  EXPECT_ERROR(bind({"quantiles", {}, {kSmall}}), ErrorCode::kBadArguments, "at least one");
  EXPECT_ERROR(bind({"groupArray", {uint64_t{0}}, {kSmall}}), ErrorCode::kBadArguments, "positive");
  EXPECT_ERROR(bind({"sumIf", {}, {kSmall, kTexts}}), ErrorCode::kIllegalTypeOfArgument,
               "condition");
  EXPECT_ERROR(bind({"countIf", {}, {}}), ErrorCode::kNumberOfArgumentsDoesntMatch, "condition");
  EXPECT_TRUE(IsAggregateFunction("sumIf"));
  EXPECT_TRUE(IsAggregateFunction("sumDistinctIf"));
  EXPECT_FALSE(IsAggregateFunction("if"));
  EXPECT_FALSE(IsAggregateFunction("length"));
}

// The same rows in one go, block by block into groups, and in parts that are merged.
TEST(AggregateFunction, GroupsAndMergesAgreeWithOneGroupAtATime) {
  constexpr uint64_t kSeed = 20240501;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937_64 random(kSeed);
  constexpr size_t kRows = 1000, kGroups = 7;
  std::vector<Value> numbers, texts, truths;
  std::vector<uint32_t> group_of_row;
  for (size_t row = 0; row < kRows; ++row) {
    numbers.push_back(static_cast<int64_t>(random() % 50) - 25);
    texts.push_back("t" + std::to_string(random() % 20));
    truths.push_back(random() % 2);
    group_of_row.push_back(static_cast<uint32_t>(random() % kGroups));
  }
  const ColumnPtr number = MakeColumn(TypeId::kInt16, numbers);
  const ColumnPtr text = MakeColumn(TypeId::kString, texts);
  const ColumnPtr truth = MakeColumn(TypeId::kUInt8, truths);
  const std::vector<Call> calls = {{"count", {}, {}},
                                   {"sum", {}, {number}},
                                   {"avg", {}, {number}},
                                   {"min", {}, {text}},
                                   {"max", {}, {number}},
                                   {"any", {}, {text}},
                                   {"anyLast", {}, {number}},
                                   {"argMin", {}, {text, number}},
                                   {"argMax", {}, {number, text}},
                                   {"uniqExact", {}, {number}},
                                   {"uniqExact", {}, {text}},
                                   {"uniqExact", {}, {text, number}},
                                   {"groupArray", {}, {text}},
                                   {"groupArray", {uint64_t{3}}, {number}},
                                   {"groupUniqArray", {}, {text}},
                                   {"quantile", {0.3}, {number}},
                                   {"quantilesExact", {0.1, 0.9}, {number}},
                                   {"sumIf", {}, {number, truth}},
                                   {"sum", {}, {number}, true},
                                   {"groupBitXor", {}, {number}},
                                   {"quantileIf", {0.9}, {number, truth}}};
  for (const Call& call : calls) {
    SCOPED_TRACE(call.name);
    const AggregateFunctionPtr function = call.Bind();
    const auto slices = [&](size_t first, size_t count) {
      std::vector<ColumnPtr> columns;
      for (const ColumnPtr& column : call.arguments) columns.push_back(column->Slice(first, count));
      return columns;
    };
    std::string expected;
    for (uint32_t group = 0; group < kGroups; ++group) {
      const auto alone = function->MakeStates();
      alone->Resize(1);
      for (size_t row = 0; row < kRows; ++row) {
        if (group_of_row[row] == group) alone->AddAll(0, 1, slices(row, 1));
      }
      expected += (group == 0 ? "" : "|") + ColumnText(*alone->Finish());
    }
    const auto grouped = function->MakeStates();
    const auto merged = function->MakeStates();
    for (size_t first = 0; first < kRows; first += 130) {
      const size_t count = std::min<size_t>(130, kRows - first);
      const std::span<const uint32_t> groups(group_of_row.data() + first, count);
      grouped->Resize(kGroups);
      grouped->Add(groups, slices(first, count));
      // The part counts its groups backwards and has one that nobody uses.
      const auto part = function->MakeStates();
      part->Resize(kGroups + 1);
      std::vector<uint32_t> backwards, group_map;
      for (const uint32_t group : groups) backwards.push_back(kGroups - group);
      for (uint32_t group = 0; group <= kGroups; ++group) {
        group_map.push_back(group == 0 ? 0 : kGroups - group);
      }
      part->Add(backwards, slices(first, count));
      merged->Resize(kGroups);
      merged->Merge(*part, group_map);
    }
    EXPECT_EQ(ColumnText(*grouped->Finish()), expected);
    EXPECT_EQ(ColumnText(*merged->Finish()), expected);
  }
}

TEST(AggregateFunction, VariancesMerge) {
  const AggregateFunctionPtr function = Call{"varPop", {}, {kBFloats}}.Bind();
  const auto first = function->MakeStates(), second = function->MakeStates();
  first->Resize(1);
  second->Resize(1);
  first->AddAll(0, 2, std::vector<ColumnPtr>{kBFloats->Slice(0, 2)});
  second->AddAll(0, 2, std::vector<ColumnPtr>{kBFloats->Slice(2, 2)});
  first->Merge(*second, std::vector<uint32_t>{0});
  EXPECT_EQ(ColumnText(*first->Finish()), "1.25");
}

}  // namespace
}  // namespace granary
