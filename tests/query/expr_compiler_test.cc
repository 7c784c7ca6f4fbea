#include "expr_testing.h"
#include "granary/query/expressions/parameters.h"
#include "granary/query/functions/constant_set.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Block SampleBlock() {
  Block block(4);
  block.Add("id", MakeColumn(TypeId::kUInt32, {1, 2, 3, 4}));
  block.Add("zero", MakeColumn(TypeId::kInt32, {0, 1, 0, 2}));
  block.Add("name", MakeColumn(TypeId::kString, {"a", "12", "c", "34"}));
  block.Add("v", MakeColumn(DataType::Array(TypeId::kUInt8),
                            {ValueArray{1, 2}, ValueArray{}, ValueArray{3}, ValueArray{4, 5, 6}}));
  return block;
}

std::string EvaluateText(const std::string& text) {
  return ColumnText(*Evaluate(text, SampleBlock()));
}

TEST(ExpressionCompiler, ReadsColumnsWithAndWithoutTheirTable) {
  EXPECT_EQ(EvaluateText("id + 1"), "2|3|4|5");
  const Block block = SampleBlock();
  ExpressionScope scope = ScopeOf(block);
  scope.qualifiers = {"t", "default.t"};
  EXPECT_EQ(ColumnText(*Compile("t.id + default.t.id", scope)->Evaluate(block)), "2|4|6|8");
  EXPECT_ERROR(Compile("other.id", scope), ErrorCode::kUnknownIdentifier, "other.id");
}

TEST(ExpressionCompiler, NamesWhatIsClose) {
  const ExpressionScope scope = ScopeOf(SampleBlock());
  EXPECT_ERROR(Compile("nmae", scope), ErrorCode::kUnknownIdentifier, "maybe you meant name");
  EXPECT_ERROR(Compile("lenght(name)", scope), ErrorCode::kUnknownFunction, "length");
  EXPECT_ERROR(Compile("summ(id)", scope), ErrorCode::kUnknownFunction, "sum");
}

TEST(ExpressionCompiler, TextIsCanonicalAndReadsBack) {
  ExpressionScope scope = ScopeOf(SampleBlock());
  scope.AddColumn("odd name", TypeId::kUInt8);
  EXPECT_EQ(Compile("LOWER(name) = 'x'", scope)->text(), "equals(lower(name), 'x')");
  EXPECT_EQ(Compile("distanceL2(v, v)", scope)->text(), "L2Distance(v, v)");
  for (const char* text : {"id + 1 > 2 AND name LIKE 'a%'", "arrayMap(x -> x + id, v)", "v[1]",
                           "arrayMap((x, y) -> x * y, v, v)", "CAST(id, 'String')", "id IN (1, 2)",
                           "`odd name` + 5.0", "if(id = 1, 'it''s', name)", "not(id)"}) {
    const std::string canonical = Compile(text, scope)->text();
    EXPECT_EQ(Compile(canonical, scope)->text(), canonical) << text;
  }
}

TEST(ExpressionCompiler, RequiredColumnsAreNamedOnceInOrderOfUse) {
  const ExpressionScope scope = ScopeOf(SampleBlock());
  EXPECT_THAT(Compile("length(name) + id + id", scope)->required_columns(),
              ElementsAre("name", "id"));
  EXPECT_THAT(Compile("arrayMap(x -> x + id, v)", scope)->required_columns(),
              ElementsAre("v", "id"));
  EXPECT_TRUE(Compile("1 + 1", scope)->required_columns().empty());
}

TEST(ExpressionCompiler, FoldsConstants) {
  const ExpressionScope scope = ScopeOf(SampleBlock());
  const auto is_constant = [&](const char* text) {
    return Compile(text, scope)->root()->kind() == ExpressionNode::Kind::kConstant;
  };
  EXPECT_TRUE(is_constant("1 + 2 * 3"));
  EXPECT_TRUE(is_constant("arrayMap(x -> x + 1, range(5))"));
  EXPECT_TRUE(is_constant("reinterpret(unhex('0000803f'), 'Array(Float32)')"));
  EXPECT_TRUE(is_constant("now() - INTERVAL 1 DAY"));
  EXPECT_TRUE(is_constant("5 IN (1, 5)"));
  EXPECT_FALSE(is_constant("rand()"));
  EXPECT_FALSE(is_constant("materialize(1)"));
  ExpressionScope schema = scope;
  schema.context.now.reset();
  EXPECT_NE(Compile("now()", schema)->root()->kind(), ExpressionNode::Kind::kConstant);
  EXPECT_TRUE(Evaluate("1 + 1", SampleBlock())->is_constant());
}

TEST(ExpressionCompiler, Aliases) {
  const Block block = SampleBlock();
  ExpressionScope scope = ScopeOf(block);
  scope.AddAliases(sql::ParseExpression("(id + 1 AS next) * 2 AS twice"));
  scope.AddAliases(sql::ParseExpression("name || '!' AS name"));
  EXPECT_EQ(ColumnText(*Compile("twice + next", scope)->Evaluate(block)), "6|9|12|15");
  // Inside its own expression, the name is the column.
  EXPECT_EQ(ColumnText(*Compile("name", scope)->Evaluate(block)), "a!|12!|c!|34!");
  scope.AddAliases(sql::ParseExpression("b + 1 AS a"));
  scope.AddAliases(sql::ParseExpression("a + 1 AS b"));
  EXPECT_ERROR(Compile("a", scope), ErrorCode::kCyclicAliases, "defined by itself");
  EXPECT_ERROR(scope.AddAliases(sql::ParseExpression("1 AS a")),
               ErrorCode::kMultipleExpressionsForAlias, "a stands for two");
}

TEST(ExpressionCompiler, AliasesDoNotCaptureLambdaParameters) {
  const Block block = SampleBlock();
  ExpressionScope scope = ScopeOf(block);
  scope.AddAliases(sql::ParseExpression("id * 10 AS tens"));
  EXPECT_EQ(ColumnText(*Compile("arrayMap(id -> id + tens, v)", scope)->Evaluate(block)),
            "[11,12]|[]|[33]|[44,45,46]");
}

TEST(ExpressionCompiler, AliasesThatMultiplyAreBounded) {
  ExpressionScope scope = ScopeOf(SampleBlock());
  std::string name = "id";
  for (int level = 0; level < 60; ++level) {
    const std::string next = "a" + std::to_string(level);
    scope.aliases[next] = sql::ParseExpression(name + " + " + name);
    name = next;
  }
  EXPECT_ERROR(Compile(name, scope), ErrorCode::kTooBigAst, "too big");
  name = "id";
  for (int level = 0; level < 5000; ++level) {
    const std::string next = "b" + std::to_string(level);
    scope.aliases[next] = sql::ParseExpression(name + " + 1");
    name = next;
  }
  EXPECT_ERROR(Compile(name, scope), ErrorCode::kTooDeepRecursion, "nested too deeply");
}

TEST(ExpressionCompiler, Parameters) {
  Parameters parameters;
  const std::vector<float> vector = {1, 2};
  parameters.Set("n", 5);
  parameters.Set("v", std::span<const float>(vector));
  ExpressionScope scope = ScopeOf(SampleBlock());
  EXPECT_ERROR(Compile("{n:UInt8}", scope), ErrorCode::kUnknownQueryParameter, "n");
  scope.parameters = &parameters;
  EXPECT_EQ(ColumnText(*Compile("id + {n:UInt8}", scope)->Evaluate(SampleBlock())), "6|7|8|9");
  const auto distance = Compile("L2Distance(v, {v:Array(Float32)})", scope);
  ASSERT_EQ(distance->root()->arguments().size(), 2u);
  EXPECT_EQ(distance->root()->arguments()[1]->parameter(), "v");
  EXPECT_EQ(RowText(*distance->root()->arguments()[1]->constant(), 0), "[1,2]");
  EXPECT_ERROR(Compile("{m:UInt8}", scope), ErrorCode::kUnknownQueryParameter, "m");
}

TEST(ExpressionCompiler, FailingBranchesAreEvaluatedByNeed) {
  EXPECT_EQ(EvaluateText("if(zero = 0, 0, intDiv(10, zero))"), "0|10|0|5");
  EXPECT_EQ(EvaluateText("multiIf(zero = 0, 7, id = 2, intDiv(id, zero), 10 % zero)"), "7|2|7|0");
  EXPECT_EQ(EvaluateText("zero != 0 AND intDiv(10, zero) > 5"), "0|1|0|0");
  EXPECT_EQ(EvaluateText("zero = 0 OR intDiv(10, zero) > 5"), "1|1|1|0");
  EXPECT_EQ(EvaluateText("if(id % 2 = 0, toInt32(name), -1)"), "-1|12|-1|34");
  EXPECT_EQ(EvaluateText("if(id = 9, toInt32('x'), id)"), "1|2|3|4");
  EXPECT_EQ(EvaluateText("if(length(v) = 2, L2Distance(v, [1, 2]), -1)"), "0|-1|-1|-1");
  EXPECT_EQ(EvaluateText("arrayMap(x -> if(x > 2, intDiv(12, x - 2), 0), v)"),
            "[0,0]|[]|[12]|[6,4,3]");
  EXPECT_ERROR(EvaluateText("intDiv(10, zero)"), ErrorCode::kIllegalDivision, "intDiv");
  EXPECT_ERROR(EvaluateText("if(zero = 1, 0, intDiv(10, zero))"), ErrorCode::kIllegalDivision,
               "intDiv");
  const Block none = SampleBlock().Slice(0, 0);
  EXPECT_EQ(Evaluate("if(zero = 0, 0, intDiv(10, zero))", none)->size(), 0u);
  EXPECT_EQ(Evaluate("zero != 0 AND intDiv(10, zero) > 5", none)->size(), 0u);
}

TEST(ExpressionCompiler, CommonSubexpressionsAreOneNode) {
  const auto sum = Compile("(id + zero) * (id + zero)", ScopeOf(SampleBlock()))->root();
  EXPECT_EQ(sum->arguments()[0], sum->arguments()[1]);
  EXPECT_EQ(EvaluateText("rand64() = rand64()"), "1|1|1|1");
  EXPECT_EQ(EvaluateText("rand64(1) = rand64(2)"), "0|0|0|0");
}

TEST(ExpressionCompiler, Lambdas) {
  EXPECT_EQ(EvaluateText("arrayMap(x -> x + id, v)"), "[2,3]|[]|[6]|[8,9,10]");
  EXPECT_EQ(EvaluateText("arrayMap(x -> arrayMap(y -> x * y + id, v), v)"),
            "[[2,3],[3,5]]|[]|[[12]]|[[20,24,28],[24,29,34],[28,34,40]]");
  EXPECT_EQ(EvaluateText("arrayMap(id -> id + 1, v)"), "[2,3]|[]|[4]|[5,6,7]");
  EXPECT_EQ(EvaluateText("arrayMap(x -> arrayMap(x -> x + 1, [x]), v)"),
            "[[2],[3]]|[]|[[4]]|[[5],[6],[7]]");
  EXPECT_EQ(EvaluateText("arrayFilter(x -> x > id, v)"), "[2]|[]|[]|[5,6]");
  const ExpressionScope scope = ScopeOf(SampleBlock());
  EXPECT_ERROR(Compile("arrayMap((x, y) -> x, v)", scope), ErrorCode::kNumberOfArgumentsDoesntMatch,
               "lambda");
  EXPECT_ERROR(Compile("arrayMap(v, v)", scope), ErrorCode::kIllegalTypeOfArgument, "lambda");
  EXPECT_ERROR(Compile("length(x -> 1)", scope), ErrorCode::kIllegalTypeOfArgument, "lambda");
  EXPECT_ERROR(Compile("arrayMap(x -> y, v)", scope), ErrorCode::kUnknownIdentifier, "y");
}

TEST(ExpressionCompiler, LambdasOverSlicesSeeOnlyTheirRows) {
  const Block slice = SampleBlock().Slice(2, 2);
  EXPECT_EQ(ColumnText(*Evaluate("arrayMap(x -> x + id, v)", slice)), "[6]|[8,9,10]");
  EXPECT_EQ(ColumnText(*Evaluate("arraySort(x -> -x, v)", slice)), "[3]|[6,5,4]");
  EXPECT_EQ(ColumnText(*Evaluate("arraySum(v)", slice)), "3|15");
  EXPECT_EQ(ColumnText(*Evaluate("has(v, 3)", slice)), "1|0");
  EXPECT_EQ(ColumnText(*Evaluate("v[-1]", slice)), "3|6");
  EXPECT_EQ(ColumnText(*Evaluate("arrayConcat(v, [9])", slice)), "[3,9]|[4,5,6,9]");
  EXPECT_EQ(ColumnText(*Evaluate("CAST(v, 'Array(Float32)')", slice)), "[3]|[4,5,6]");
  EXPECT_EQ(ColumnText(*Evaluate("toString(v)", slice)), "[3]|[4,5,6]");
}

TEST(ExpressionCompiler, NullsAndTuplesAreRefused) {
  const ExpressionScope scope = ScopeOf(SampleBlock());
  EXPECT_ERROR(Compile("NULL", scope), ErrorCode::kNotImplemented, "Nullable");
  EXPECT_ERROR(Compile("id = NULL", scope), ErrorCode::kNotImplemented, "Nullable");
  EXPECT_ERROR(Compile("(id, name)", scope), ErrorCode::kNotImplemented, "Tuples");
  EXPECT_ERROR(Compile("toIntervalDay(1)", scope), ErrorCode::kUnknownFunction, "");
}

TEST(ExpressionCompiler, In) {
  EXPECT_EQ(EvaluateText("id IN (1, 3, 300000000000)"), "1|0|1|0");
  EXPECT_EQ(EvaluateText("id NOT IN (1, 3)"), "0|1|0|1");
  EXPECT_EQ(EvaluateText("id IN [2, 4]"), "0|1|0|1");
  EXPECT_EQ(EvaluateText("name IN ('a', '34')"), "1|0|0|1");
  EXPECT_EQ(EvaluateText("id IN (zero, 4)"), "0|0|0|1");
  EXPECT_EQ(EvaluateText("id IN v"), "1|0|1|1");
  EXPECT_EQ(EvaluateText("id NOT IN v"), "0|1|0|0");
  EXPECT_EQ(EvaluateText("(id, name) IN ((1, 'a'), (2, 'x'))"), "1|0|0|0");
  EXPECT_EQ(EvaluateText("(id, name) NOT IN (1, 'a')"), "0|1|1|1");
  EXPECT_EQ(EvaluateText("nan IN (nan)"), "1|1|1|1");
  const auto set = Compile("id IN (3, 1, 3, -5)", ScopeOf(SampleBlock()))->root();
  ASSERT_NE(set->set(), nullptr);
  EXPECT_EQ(ColumnText(*set->set()->values()), "1|3");
}

TEST(ExpressionCompiler, Subqueries) {
  const Block block = SampleBlock();
  ExpressionScope scope = ScopeOf(block);
  EXPECT_ERROR(Compile("id = (SELECT 2)", scope), ErrorCode::kNotImplemented, "SELECT 2");
  int runs = 0;
  size_t rows = 1;
  scope.run_subquery = [&](const sql::Query& query) {
    ++runs;
    return SubqueryResult{Block({{"x", MakeColumn(TypeId::kUInt64, std::vector<Value>(rows, 2))}}),
                          "(" + sql::FormatQuery(query) + ")"};
  };
  EXPECT_EQ(ColumnText(*Compile("id = (SELECT 2)", scope)->Evaluate(block)), "0|1|0|0");
  EXPECT_EQ(ColumnText(*Compile("id IN (SELECT 2)", scope)->Evaluate(block)), "0|1|0|0");
  EXPECT_EQ(runs, 2);
  rows = 3;
  EXPECT_ERROR(Compile("(SELECT 2)", scope), ErrorCode::kIncorrectResultOfScalarSubquery, "not 3");
  rows = 0;
  EXPECT_ERROR(Compile("(SELECT 2)", scope), ErrorCode::kIncorrectResultOfScalarSubquery, "not 0");
  EXPECT_EQ(ColumnText(*Compile("id IN (SELECT 2)", scope)->Evaluate(block)), "0|0|0|0");
}

TEST(ExpressionCompiler, Aggregation) {
  const Block block = SampleBlock();
  ExpressionScope scope = ScopeOf(block);
  EXPECT_ERROR(Compile("sum(id)", scope), ErrorCode::kIllegalAggregation, "sum(id)");
  std::vector<AggregateCall> aggregates;
  scope.aggregates = &aggregates;
  const auto key = Compile("id % 2", ScopeOf(block));
  scope.computed[key->text()] = {"key", key->type()};
  scope.AddAliases(sql::ParseExpression("sum(id * 2) AS total"));
  const auto result =
      Compile("total + count() + sum(id * 2) * (id % 2) + quantile(0.5)(id)", scope);
  ASSERT_EQ(aggregates.size(), 3u);
  EXPECT_EQ(aggregates[0].text, "sum(multiply(id, 2))");
  EXPECT_EQ(aggregates[1].text, "count()");
  EXPECT_EQ(aggregates[2].text, "quantile(0.5)(id)");
  EXPECT_THAT(aggregates[0].arguments[0]->required_columns(), ElementsAre("id"));
  Block aggregated(2);
  aggregated.Add("key", MakeColumn(key->type(), {0, 1}));
  aggregated.Add("sum(multiply(id, 2))", MakeColumn(TypeId::kUInt64, {12, 8}));
  aggregated.Add("count()", MakeColumn(TypeId::kUInt64, {2, 2}));
  aggregated.Add("quantile(0.5)(id)", MakeColumn(TypeId::kFloat64, {3.0, 2.0}));
  EXPECT_EQ(ColumnText(*result->Evaluate(aggregated)), "17|20");
  EXPECT_ERROR(Compile("id + count()", scope), ErrorCode::kNotAnAggregate, "id");
  EXPECT_ERROR(Compile("sum(count())", scope), ErrorCode::kIllegalAggregation, "inside another");
  EXPECT_TRUE(ContainsAggregate(*sql::ParseExpression("1 + total"), scope));
  EXPECT_FALSE(ContainsAggregate(*sql::ParseExpression("1 + id"), scope));
}

TEST(ExpressionCompiler, AnAliasOfAnAggregateGivesWayToTheColumnWhereNoneMayStand) {
  const Block block = SampleBlock();
  ExpressionScope scope = ScopeOf(block);
  scope.AddAliases(sql::ParseExpression("max(id) AS id"));
  EXPECT_EQ(ColumnText(*Compile("id > 2", scope)->Evaluate(block)), "0|0|1|1");
  std::vector<AggregateCall> aggregates;
  scope.aggregates = &aggregates;
  EXPECT_EQ(Compile("id", scope)->text(), "max(id)");
}

TEST(ExpressionCompiler, ComputedColumnsStandForExpressions) {
  ExpressionScope scope = ScopeOf(SampleBlock());
  scope.computed["length(v)"] = {"_length", TypeId::kUInt64};
  const auto expression = Compile("length(v) * 2 + arraySum(arrayMap(v -> length([v]), v))", scope);
  EXPECT_THAT(expression->required_columns(), ElementsAre("_length", "v"));
}

TEST(ExpressionCompiler, Conditions) {
  const ExpressionScope scope = ScopeOf(SampleBlock());
  EXPECT_ERROR(CompileCondition(*sql::ParseExpression("name"), scope),
               ErrorCode::kIllegalTypeForFilter, "String");
  const auto condition = CompileCondition(*sql::ParseExpression("id > 2"), scope);
  std::vector<uint8_t> mask(4);
  EXPECT_EQ(ConditionMask(*condition->Evaluate(SampleBlock()), mask), 2u);
  EXPECT_THAT(mask, ElementsAre(0, 0, 1, 1));
}

TEST(ExpressionCompiler, Constants) {
  const ExpressionScope scope;
  const TypedValue value = EvaluateConstant(*sql::ParseExpression("1 + 2"), scope);
  EXPECT_EQ(value.type.name(), "UInt16");
  EXPECT_EQ(value.value, Value(uint64_t{3}));
  EXPECT_ERROR(EvaluateConstant(*sql::ParseExpression("x"), scope), ErrorCode::kUnknownIdentifier,
               "x");
  EXPECT_ERROR(EvaluateConstant(*sql::ParseExpression("id"), ScopeOf(SampleBlock())),
               ErrorCode::kBadArguments, "not a constant");
  const ColumnPtr date =
      EvaluateConstantAs(*sql::ParseExpression("'2024-01-02'"), TypeId::kDate, scope);
  EXPECT_EQ(date->type().name(), "Date");
  EXPECT_EQ(ColumnText(*date), "2024-01-02");
  const auto as_string =
      CompileExpressionAs(*sql::ParseExpression("id"), TypeId::kString, ScopeOf(SampleBlock()));
  EXPECT_EQ(as_string->type().name(), "String");
  EXPECT_EQ(ColumnText(*as_string->Evaluate(SampleBlock())), "1|2|3|4");
}

TEST(ExpressionCompiler, RandomNumbersFollowFromTheSeed) {
  ExpressionScope scope;
  scope.context.seed = 7;
  const auto draw = [&] { return ColumnText(*Compile("rand64()", scope)->Evaluate(Block(5))); };
  const std::string first = draw();
  EXPECT_EQ(draw(), first);
  scope.context.seed = 8;
  EXPECT_NE(draw(), first);
  const auto numbers = Compile("randUniform(2, 3)", scope)->Evaluate(Block(1000));
  for (size_t row = 0; row < numbers->size(); ++row) {
    EXPECT_GE(numbers->ValueAt(row).as_double(), 2);
    EXPECT_LT(numbers->ValueAt(row).as_double(), 3);
  }
  const auto twice = Compile("rand64()", scope);
  EXPECT_NE(ColumnText(*twice->Evaluate(Block(5))), ColumnText(*twice->Evaluate(Block(5))));
}

TEST(ExpressionCompiler, TimeOfSchemasIsThatOfTheEvaluation) {
  class StepClock final : public Clock {
   public:
    std::chrono::system_clock::time_point Now() const override {
      return std::chrono::system_clock::time_point(std::chrono::seconds(++seconds_));
    }
    std::chrono::steady_clock::time_point Monotonic() const override { return {}; }

   private:
    mutable int seconds_ = 100;
  } clock;
  ExpressionScope scope;
  scope.context.clock = &clock;
  const auto now = Compile("toUnixTimestamp(now())", scope);
  EXPECT_EQ(ColumnText(*now->Evaluate(Block(1))), "101");
  EXPECT_EQ(ColumnText(*now->Evaluate(Block(2))), "102|102");
}

}  // namespace
}  // namespace granary
