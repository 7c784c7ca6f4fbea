#include "generator.h"

#include <algorithm>
#include <set>

#include "granary/query/sql/parser.h"
#include "literals.h"

namespace granary::differential {
namespace {

const std::vector<std::string> kNumbers = {"UInt8", "Int8",   "UInt16", "Int16",   "UInt32",
                                           "Int32", "UInt64", "Int64",  "Float32", "Float64"};
const std::vector<std::string> kIntegers = {"UInt8", "Int16", "UInt32", "Int32", "UInt64", "Int64"};
const std::vector<std::string> kStrings = {"String"};
const std::vector<std::string> kScalars = {"UInt8", "Int8",     "UInt16",  "Int32", "UInt64",
                                           "Int64", "Float32",  "Float64", "Bool",  "String",
                                           "Date",  "DateTime", "BFloat16"};
const std::vector<std::string> kArrays = {"Array(UInt8)",       "Array(Int64)",  "Array(Float32)",
                                          "Array(Float64)",     "Array(String)", "Array(Date)",
                                          "Array(Array(Int32))"};

template <class T>
bool Contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string Places(size_t count, size_t first = 0) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "$" : ", $") + std::to_string(first + i);
  }
  return text;
}

// Functions that make as much as a number says; both databases refuse too much, each at a limit of
// its own.
bool MakesLargeValues(const std::string& name) {
  static const std::set<std::string, std::less<>> kNames = {
      "arrayResize", "arrayWithConstant", "range",       "repeat",
      "space",       "leftPad",           "rightPad",    "lpad",
      "rpad",        "leftPadUTF8",       "rightPadUTF8"};
  return kNames.contains(name);
}

// A shape of an expression beside plain calls, and the types of its operands.
struct Form {
  std::string shape;
  std::vector<std::vector<std::string>> operands;
};

const std::vector<Form>& Forms() {
  static const std::vector<Form> kForms = {
      {"($0 + $1)", {kNumbers, kNumbers}},
      {"($0 - $1)", {kNumbers, kNumbers}},
      {"($0 * $1)", {kNumbers, kNumbers}},
      {"($0 / $1)", {kNumbers, kNumbers}},
      {"($0 % $1)", {kNumbers, kNumbers}},
      {"(-$0)", {kNumbers}},
      {"($0 DIV $1)", {kNumbers, kNumbers}},
      {"($0 + $1)", {{"Date", "DateTime"}, kIntegers}},
      {"($0 - $1)", {{"Date", "DateTime"}, {"Date", "DateTime"}}},
      {"($0 = $1)", {kScalars, kScalars}},
      {"($0 < $1)", {kScalars, kScalars}},
      {"($0 >= $1)", {kNumbers, kNumbers}},
      {"($0 != $1)", {kArrays, kArrays}},
      {"($0 <= $1)", {kArrays, kArrays}},
      {"($0 AND $1)", {kNumbers, kNumbers}},
      {"($0 OR $1)", {{"Bool", "UInt8"}, kNumbers}},
      {"(NOT $0)", {kNumbers}},
      {"($0 BETWEEN $1 AND $2)", {kNumbers, kNumbers, kNumbers}},
      {"($0 || $1)", {kScalars, kStrings}},
      {"($0 LIKE $1)", {kStrings, kStrings}},
      {"($0 NOT ILIKE $1)", {kStrings, kStrings}},
      {"($0 IS NULL)", {kScalars}},
      {"($0 ? $1 : $2)", {{"UInt8", "Bool"}, kScalars, kScalars}},
      {"if($0, $1, $2)", {{"UInt8", "Bool"}, kNumbers, kNumbers}},
      {"CASE WHEN $0 THEN $1 ELSE $2 END", {{"UInt8", "Bool"}, kStrings, kStrings}},
      {"CASE $0 WHEN 1 THEN $1 WHEN 2 THEN $2 ELSE 0 END", {{"UInt8"}, kIntegers, kIntegers}},
      {"($0[$1])", {kArrays, kIntegers}},
      {"($0[1])", {kArrays}},
      {"($0[-1])", {kArrays}},
      {"[$0, $1]", {kNumbers, kNumbers}},
      {"[$0, $1]", {kStrings, kStrings}},
      {"(($0, $1) = ($2, $3))", {kNumbers, kStrings, kNumbers, kStrings}},
      {"(($0, $1) < ($2, $3))", {kIntegers, {"Date"}, kIntegers, {"Date"}}},
      {"(($0, $1) IN ((1, 'a'), (2, 'ab')))", {kIntegers, kStrings}},
      {"($0 IN (1, 2, 3, 100, 255))", {kNumbers}},
      {"($0 NOT IN (0, 1, 1.5, -1))", {kNumbers}},
      {"($0 IN ('', 'a', 'abc'))", {kStrings}},
      {"($0 IN ('2024-02-29', '1970-01-01'))", {{"Date"}}},
      {"($0 IN ([], [1], [1, 2]))", {{"Array(UInt8)", "Array(Int64)"}}},
      {"($0 IN (SELECT u8 FROM plain))", {kNumbers}},
      {"($0 IN (SELECT s FROM plain WHERE id < 5))", {kStrings}},
      {"($0 + INTERVAL $1 DAY)", {{"Date", "DateTime"}, kIntegers}},
      {"($0 - INTERVAL 1 MONTH)", {{"Date", "DateTime"}}},
      {"($0 + INTERVAL 13 MONTH)", {{"Date", "DateTime"}}},
      {"($0 - INTERVAL $1 YEAR)", {{"Date", "DateTime"}, {"UInt8"}}},
      {"($0 + INTERVAL $1 SECOND)", {{"DateTime"}, kIntegers}},
      {"($0 - INTERVAL 2 HOUR)", {{"Date", "DateTime"}}},
      {"($0 + INTERVAL 3 WEEK)", {{"Date", "DateTime"}}},
      {"($0 - INTERVAL 2 QUARTER)", {{"Date", "DateTime"}}},
      {"toStartOfInterval($0, INTERVAL 15 MINUTE)", {{"DateTime"}}},
      {"toStartOfInterval($0, INTERVAL 2 MONTH)", {{"Date", "DateTime"}}},
      {"toStartOfInterval($0, INTERVAL 5 DAY)", {{"Date", "DateTime"}}},
      {"EXTRACT(MONTH FROM $0)", {{"Date", "DateTime"}}},
      {"EXTRACT(YEAR FROM $0)", {{"Date", "DateTime"}}},
      {"CAST($0 AS UInt8)", {kScalars}},
      {"CAST($0 AS Int64)", {kScalars}},
      {"CAST($0 AS UInt64)", {kScalars}},
      {"CAST($0 AS Float32)", {kScalars}},
      {"CAST($0 AS String)", {kArrays}},
      {"($0::Int32)", {kScalars}},
      {"($0::Date)", {kScalars}},
      {"($0::DateTime)", {kScalars}},
      {"($0::Bool)", {kScalars}},
      {"($0::Array(Int64))", {kArrays}},
      {"($0::Array(Float32))", {kArrays}},
      {"($0::Array(String))", {kArrays}},
      {"substring($0 FROM $1)", {kStrings, kIntegers}},
      {"substring($0 FROM $1 FOR $2)", {kStrings, kIntegers, kIntegers}},
      {"TRIM(BOTH ' a' FROM $0)", {kStrings}},
      {"TRIM(LEADING 'h' FROM $0)", {kStrings}},
      {"position('a' IN $0)", {kStrings}},
      {"assumeNotNull((SELECT max(u8) FROM plain)) + $0", {kNumbers}}};
  return kForms;
}

}  // namespace

Generator::Generator(const Callables& callables, uint64_t seed)
    : callables_(callables), random_(seed) {
  for (const auto& [name, type] : PlainColumns()) columns_.push_back({name, DataType::Parse(type)});
}

std::vector<std::string> Generator::MakeTable() {
  static const std::vector<std::string> kKeys = {"id",  "(d, id)",  "(u8, s)", "(b, i64, id)", "s",
                                                 "f64", "(dt, id)", "i16",     "tuple()"};
  static const std::vector<std::string> kPartitions = {
      "", "", "PARTITION BY intDiv(u8, 64) ", "PARTITION BY toYYYYMM(d) ", "PARTITION BY b "};
  static const std::vector<std::string> kIndexes = {"u8 TYPE minmax",
                                                    "i64 TYPE minmax",
                                                    "f64 TYPE minmax",
                                                    "s TYPE set(3)",
                                                    "b TYPE set(0)",
                                                    "s TYPE bloom_filter",
                                                    "u32 TYPE bloom_filter(0.001)",
                                                    "ax TYPE bloom_filter",
                                                    "d TYPE minmax",
                                                    "dt TYPE set(10)",
                                                    "i16 + 1 TYPE minmax",
                                                    "au8 TYPE bloom_filter"};
  std::string create = "CREATE TABLE plain (";
  for (const auto& [name, type] : PlainColumns()) {
    create += (name == "id" ? "" : ", ") + name + " " + type;
  }
  const size_t indexes = random_.Below(4);
  for (size_t i = 0; i < indexes; ++i) {
    create += ", INDEX i" + std::to_string(i) + " " + random_.Of(kIndexes) + " GRANULARITY " +
              std::to_string(1 + random_.Below(2));
  }
  create += ") ENGINE = MergeTree " + random_.Of(kPartitions) + "ORDER BY " + random_.Of(kKeys) +
            " SETTINGS index_granularity = " + std::to_string(2 + random_.Below(4));
  std::vector<std::string> statements = {create};
  size_t id = 0;
  for (size_t parts = 1 + random_.Below(3); parts > 0; --parts) {
    std::string insert = "INSERT INTO plain VALUES ";
    const size_t rows = 1 + random_.Below(6);
    for (size_t row = 0; row < rows; ++row) {
      insert += row == 0 ? "(" : ", (";
      insert += std::to_string(id++);
      for (const Leaf& column : columns_) {
        if (column.name == "id") continue;
        if (column.name != "v") {
          insert += "," + RandomValue(column.type, random_);
          continue;
        }
        insert += ",[";
        for (size_t i = 0; i < 4; ++i) {
          insert += (i == 0 ? "" : ",") + std::to_string(static_cast<int>(random_.Below(17)) - 8);
        }
        insert += "]";
      }
      insert += ")";
    }
    statements.push_back(insert);
  }
  return statements;
}

// ---- Expressions --------------------------------------------------------------------------------

ExprPtr Generator::Finish(std::string shape, std::vector<ExprPtr> arguments, bool is_exact) {
  auto expr = std::make_shared<Expr>();
  expr->shape = std::move(shape);
  expr->arguments = std::move(arguments);
  expr->is_exact = is_exact;
  expr->is_constant = true;
  for (const ExprPtr& argument : expr->arguments) {
    expr->is_constant = expr->is_constant && argument->is_constant;
    expr->is_bound = expr->is_bound || argument->is_bound;
    expr->is_exact = expr->is_exact && argument->is_exact;
  }
  try {
    ExpressionScope scope = PlainScope();
    for (const Leaf& variable : variables_) scope.AddColumn(variable.name, variable.type);
    scope.run_subquery = [](const sql::Query&) {
      return SubqueryResult{Block({{"x", MakeConstant(TypeId::kUInt8, Value(uint64_t{1}), 1)}}),
                            "(SELECT 1)"};
    };
    expr->type = CompileExpression(*sql::ParseExpression(expr->Text()), scope)->type();
    expr->is_typed = true;
  } catch (const Error&) {
  }
  return expr;
}

ExprPtr Generator::Constant(std::string text) { return Finish(std::move(text), {}); }

ExprPtr Generator::MakeLeaf(const std::vector<std::string>& types, bool only_constants) {
  if (!only_constants && random_.Chance(70)) {
    std::vector<const Leaf*> fitting;
    for (const Leaf& leaf : variables_) {
      if (Contains(types, leaf.type.name())) fitting.push_back(&leaf);
    }
    if (fitting.empty() || random_.Chance(20)) {
      for (const Leaf& leaf : columns_) {
        if (Contains(types, leaf.type.name())) fitting.push_back(&leaf);
      }
    }
    if (!fitting.empty()) {
      const Leaf& leaf = *random_.Of(fitting);
      auto expr = std::make_shared<Expr>();
      expr->shape = leaf.name;
      expr->type = leaf.type;
      expr->is_typed = true;
      for (const Leaf& variable : variables_) expr->is_bound |= variable.name == leaf.name;
      return expr;
    }
  }
  const DataType type = DataType::Parse(random_.Of(types));
  const bool bare = type.is_number() && random_.Chance(40);
  return Constant(bare ? RandomValue(type, random_) : RandomLiteral(type, random_));
}

ExprPtr Generator::MakeOperand(const std::vector<std::string>& types, size_t depth,
                               bool only_constants) {
  if (depth > 0 && random_.Chance(50)) {
    for (int tries = 0; tries < 3; ++tries) {
      const ExprPtr expr = MakeExpression(depth - 1, only_constants);
      if (expr->is_typed && expr->is_exact && Contains(types, expr->type.name())) return expr;
    }
  }
  return MakeLeaf(types, only_constants);
}

ExprPtr Generator::MakeArgument(const Slot& slot, size_t depth, bool only_constants) {
  if (!slot.constants.empty()) return Constant(random_.Of(slot.constants));
  return MakeOperand(slot.types, depth, only_constants);
}

ExprPtr Generator::MakeLambdaCall(const CallableFunction& function, size_t depth) {
  const size_t arrays = 1 + random_.Below(2);
  std::vector<ExprPtr> arguments = {nullptr};
  std::vector<Leaf> variables;
  std::string lambda = arrays == 1 ? "x -> $0" : "(x, y) -> $0";
  for (size_t i = 0; i < arrays; ++i) {
    arguments.push_back(MakeLeaf(kArrays, false));
    variables.push_back({i == 0 ? "x" : "y", arguments.back()->type.is_array()
                                                 ? arguments.back()->type.element()
                                                 : DataType(TypeId::kUInt8)});
  }
  const std::vector<Leaf> outer = variables_;
  variables_ = variables;
  ExprPtr body;
  for (int tries = 0; tries < 4 && (body == nullptr || !body->is_typed || !body->is_exact);
       ++tries) {
    body = MakeExpression(depth > 0 ? 1 : 0);
  }
  variables_ = outer;
  auto expr = std::make_shared<Expr>();
  expr->shape = lambda;
  expr->arguments = {body};
  expr->is_bound = true;
  expr->is_exact = body->is_exact;
  arguments[0] = expr;
  ExprPtr call =
      Finish(function.name + "(" + Places(arguments.size()) + ")", arguments, function.is_exact);
  auto unbound = std::make_shared<Expr>(*call);
  unbound->is_bound = !outer.empty();
  return unbound;
}

ExprPtr Generator::MakeCall(size_t depth, bool only_constants) {
  const CallableFunction& function = random_.Of(callables_.functions);
  if (function.takes_lambda && !only_constants && variables_.empty() && random_.Chance(60)) {
    return MakeLambdaCall(function, depth);
  }
  std::vector<ExprPtr> arguments;
  if (function.signatures.empty() || (random_.Chance(8) && !MakesLargeValues(function.name))) {
    const size_t count =
        function.min_arguments + random_.Below(function.max_arguments - function.min_arguments + 1);
    for (size_t i = 0; i < count; ++i) {
      arguments.push_back(MakeArgument(random_.Of(Slots()), 0, only_constants));
    }
  } else {
    const bool is_large = MakesLargeValues(function.name);
    for (const uint8_t slot : random_.Of(function.signatures)) {
      const bool is_size =
          is_large && (Slots()[slot].name == "integer" || Slots()[slot].name == "float");
      arguments.push_back(is_size ? MakeLeaf({"UInt8", "Int8"}, only_constants)
                                  : MakeArgument(Slots()[slot], depth, only_constants));
    }
  }
  const std::string shape = function.name + "(" + Places(arguments.size()) + ")";
  return Finish(shape, std::move(arguments), function.is_exact);
}

ExprPtr Generator::MakeForm(size_t depth, bool only_constants) {
  const Form& form = random_.Of(Forms());
  std::vector<ExprPtr> arguments;
  for (const auto& types : form.operands) {
    arguments.push_back(MakeOperand(types, depth, only_constants));
  }
  if (form.shape.find("SELECT") == form.shape.npos) return Finish(form.shape, std::move(arguments));
  auto expr = std::make_shared<Expr>(*Finish(form.shape, std::move(arguments)));
  expr->is_constant = false;  // reads the table
  return expr;
}

ExprPtr Generator::MakeExpression(size_t depth, bool only_constants) {
  return random_.Chance(75) ? MakeCall(depth, only_constants) : MakeForm(depth, only_constants);
}

ExprPtr Generator::MakeCondition() {
  static const std::vector<std::string> kComparisons = {"=", "!=", "<", "<=", ">", ">="};
  const uint64_t kind = random_.Below(10);
  if (kind < 5) {
    std::vector<std::string> types = {random_.Of(columns_).type.name()};
    return Finish("($0 " + random_.Of(kComparisons) + " $1)",
                  {MakeLeaf(types, false), MakeLeaf(types, true)});
  }
  if (kind < 7) {
    return Finish(random_.Chance(50) ? "($0 AND $1)" : "($0 OR $1)",
                  {MakeCondition(), MakeCondition()});
  }
  if (kind == 7) return Finish("(NOT $0)", {MakeCondition()});
  for (int tries = 0; tries < 12; ++tries) {
    const ExprPtr expr = MakeExpression(1);
    const bool is_condition =
        expr->is_typed && (expr->type == TypeId::kUInt8 || expr->type == TypeId::kBool);
    if (is_condition && expr->is_exact) return expr;
  }
  return Finish("has($0, $1)", {MakeLeaf({"Array(String)"}, false), MakeLeaf(kStrings, true)});
}

// ---- Statements ---------------------------------------------------------------------------------

Query Generator::MakeQuery() {
  const uint64_t kind = random_.Below(100);
  if (kind < 42) return ScalarStatement();
  if (kind < 54) return FilterStatement();
  if (kind < 68) return AggregateStatement();
  if (kind < 78) return GroupStatement();
  if (kind < 86) return ShapeStatement();
  if (kind < 92) return SubqueryStatement();
  if (kind < 96) return NeighborStatement();
  return FormatStatement();
}

Query Generator::ScalarStatement() {
  return ScalarQuery(MakeExpression(random_.Below(3), random_.Chance(25)));
}

Query Generator::FilterStatement() {
  Query query;
  query.sections.push_back({random_.Chance(50) ? "SELECT id" : "SELECT id, u8, s, f64, au8", {}});
  query.sections.push_back({"FROM plain", {}});
  query.sections.push_back({"WHERE $0", {MakeCondition()}, true});
  query.sections.push_back({"ORDER BY id", {}});
  if (random_.Chance(20)) query.sections.push_back({"LIMIT 3 OFFSET 1", {}, true});
  return query;
}

Generator::AggregateCall Generator::MakeAggregate(size_t first) {
  const CallableAggregate& aggregate = random_.Of(callables_.aggregates);
  AggregateCall call{.is_exact = aggregate.is_exact,
                     .depends_on_order = aggregate.depends_on_order};
  std::string parameters;
  if (aggregate.forms.empty() || random_.Chance(4)) {
    call.arguments.push_back(MakeLeaf(random_.Chance(50) ? kScalars : kArrays, false));
  } else {
    const CallableAggregate::Form& form = random_.Of(aggregate.forms);
    parameters = form.parameters;
    for (const uint8_t slot : form.arguments) {
      call.arguments.push_back(MakeArgument(Slots()[slot], random_.Below(2), false));
    }
  }
  // Which of the rows with the same smallest or largest value counts is not fixed.
  if (aggregate.name.starts_with("argM") && call.arguments.size() == 2) {
    call.arguments[1] = Finish("id", {});
  }
  std::string name = aggregate.name;
  const uint64_t combinators = random_.Below(10);
  if (combinators == 1 || combinators == 2) {
    name += "Distinct";
    call.depends_on_order = true;
  }
  if (combinators >= 2 && combinators <= 4) {
    name += "If";
    call.arguments.push_back(MakeCondition());
  }
  const bool distinct = combinators == 5 && !call.arguments.empty();
  call.shape = name + parameters + "(" + (distinct ? "DISTINCT " : "") +
               Places(call.arguments.size(), first) + ")";
  call.depends_on_order |= distinct;
  // The order of what it collects is that of a hash table.
  if (aggregate.name == "groupUniqArray") call.shape = "arraySort(" + call.shape + ")";
  return call;
}

std::string Generator::Source(bool in_order) {
  return in_order ? "FROM (SELECT * FROM plain ORDER BY id)" : "FROM plain";
}

Query Generator::AggregateStatement() {
  const AggregateCall call = MakeAggregate(0);
  Query query;
  query.is_exact = call.is_exact;
  query.sections.push_back({"SELECT " + call.shape + " AS x", call.arguments});
  query.sections.push_back({Source(call.depends_on_order), {}});
  if (random_.Chance(30)) query.sections.push_back({"WHERE $0", {MakeCondition()}, true});
  return query;
}

Query Generator::GroupStatement() {
  const ExprPtr key = random_.Chance(60) ? MakeLeaf(kScalars, false) : MakeExpression(1);
  const AggregateCall call = MakeAggregate(1);
  std::vector<ExprPtr> expressions = {key};
  expressions.insert(expressions.end(), call.arguments.begin(), call.arguments.end());
  Query query;
  query.is_exact = call.is_exact && key->is_exact;
  query.is_ordered = false;
  query.sections.push_back({"SELECT $0 AS k, " + call.shape + " AS x", expressions});
  query.sections.push_back({Source(call.depends_on_order), {}});
  if (random_.Chance(30)) query.sections.push_back({"WHERE $0", {MakeCondition()}, true});
  query.sections.push_back({"GROUP BY k", {}});
  if (random_.Chance(25)) query.sections.push_back({"HAVING count() > 1", {}, true});
  if (random_.Chance(50)) {
    query.sections.push_back({random_.Chance(50) ? "ORDER BY k" : "ORDER BY k DESC", {}, true});
  }
  return query;
}

Query Generator::ShapeStatement() {
  Query query;
  const ExprPtr first = random_.Chance(50) ? MakeLeaf(kScalars, false) : MakeExpression(1);
  const std::string direction = random_.Chance(50) ? " DESC" : "";
  query.is_exact = first->is_exact;
  switch (random_.Below(8)) {
    case 7:
      query.sections = {{"SELECT id, $0 AS u8 FROM plain ORDER BY id", {first}}};
      break;
    case 0:
      query.sections = {{"SELECT DISTINCT $0 AS x FROM plain", {first}}};
      query.is_ordered = false;
      break;
    case 1:
      query.sections = {{"SELECT id, $0 AS x FROM plain", {first}},
                        {"WHERE $0", {MakeCondition()}, true},
                        {"ORDER BY x" + direction + ", id", {}},
                        {"LIMIT 4 OFFSET 1", {}, true}};
      break;
    case 2:
      query.sections = {{"SELECT id, $0 AS x FROM plain ORDER BY x" + direction + ", id", {first}},
                        {"LIMIT 2 BY x", {}},
                        {"LIMIT 5", {}, true}};
      break;
    case 3:
      query.sections = {{"SELECT $0 AS x FROM plain ORDER BY x" + direction, {first}},
                        {"LIMIT 3 WITH TIES", {}, true}};
      break;
    case 4:
      query.sections = {{"SELECT $0 AS x FROM plain", {first}},
                        {"WHERE $0", {MakeCondition()}, true},
                        {"UNION ALL SELECT $0 FROM plain", {first}}};
      query.is_ordered = false;
      break;
    case 5:
      query.sections = {{"SELECT id, $0 AS x FROM plain ORDER BY length(s)" + direction + ", f64" +
                             direction + ", d, id",
                         {first}}};
      break;
    default:
      query.sections = {{"SELECT id, x, x AS y FROM (SELECT id, $0 AS x FROM plain", {first}},
                        {"WHERE $0", {MakeCondition()}, true},
                        {") ORDER BY id", {}}};
  }
  return query;
}

Query Generator::SubqueryStatement() {
  const AggregateCall call = MakeAggregate(0);
  const std::string source = Source(call.depends_on_order);
  Query query;
  query.is_exact = call.is_exact;
  switch (random_.Below(6)) {
    case 0:
      query.sections = {{"SELECT id, assumeNotNull((SELECT " + call.shape, call.arguments},
                        {source, {}},
                        {")) AS x FROM plain ORDER BY id", {}}};
      break;
    case 1:
      query.sections = {{"WITH (SELECT " + call.shape, call.arguments},
                        {source, {}},
                        {") AS w SELECT assumeNotNull(w) AS x FROM plain ORDER BY id LIMIT 2", {}}};
      break;
    case 2:
      query.is_exact = true;
      query.sections = {{"WITH w AS (SELECT id, $0 AS x FROM plain", {MakeLeaf(kScalars, false)}},
                        {"WHERE $0", {MakeCondition()}, true},
                        {") SELECT id, x FROM w ORDER BY id", {}}};
      break;
    case 3:
      query.is_exact = true;
      query.sections = {{"SELECT id FROM plain WHERE id IN (SELECT id FROM plain", {}},
                        {"WHERE $0", {MakeCondition()}, true},
                        {") ORDER BY id", {}}};
      break;
    case 4:
      query.is_exact = true;
      query.sections = {{"SELECT count() AS n FROM plain WHERE EXISTS (SELECT 1 FROM plain", {}},
                        {"WHERE $0", {MakeCondition()}, true},
                        {")", {}}};
      break;
    default:
      query.is_exact = true;
      query.sections = {{"SELECT x, count() AS n, min(id) AS m FROM (SELECT id, $0 AS x FROM plain",
                         {MakeLeaf(kScalars, false)}},
                        {"WHERE $0", {MakeCondition()}, true},
                        {") GROUP BY x ORDER BY m", {}}};
  }
  return query;
}

Query Generator::NeighborStatement() {
  static const std::vector<std::string> kDistances = {"L2Distance",     "L1Distance",
                                                      "LinfDistance",   "L2SquaredDistance",
                                                      "cosineDistance", "dotProduct"};
  const std::string distance = random_.Of(kDistances);
  // Coordinates are small whole numbers, so that all distances but the cosine are exact, ties too.
  const bool has_ties = distance == "cosineDistance";
  std::string vector = "[";
  for (size_t i = 0; i < 4; ++i) {
    vector += (i == 0 ? "" : ",") + std::to_string(static_cast<int>(random_.Below(9)) - 4);
  }
  vector += random_.Chance(50) ? "]" : ".]";
  Query query;
  query.is_exact = !has_ties;
  query.sections.push_back({std::string("SELECT ") + (has_ties ? "" : "id, ") + distance + "(v, " +
                                vector + ") AS x FROM plain",
                            {}});
  if (random_.Chance(50)) query.sections.push_back({"WHERE $0", {MakeCondition()}, true});
  query.sections.push_back({std::string("ORDER BY x") + (distance == "dotProduct" ? " DESC" : "") +
                                (has_ties ? "" : ", id"),
                            {}});
  query.sections.push_back({"LIMIT " + std::to_string(1 + random_.Below(6)), {}, true});
  return query;
}

Query Generator::FormatStatement() {
  const ExprPtr first = MakeLeaf(random_.Chance(50) ? kScalars : kArrays, false);
  const ExprPtr second = MakeLeaf(random_.Chance(50) ? kScalars : kArrays, false);
  Query query;
  query.format = random_.Of(callables_.formats);
  query.sections = {{"SELECT id, $0 AS x, $1 AS y FROM plain ORDER BY id", {first, second}}};
  return query;
}

Generator::ChangeOfRows Generator::MakeChange() {
  const ExprPtr condition = MakeCondition();
  const std::string where = " WHERE " + condition->Text();
  if (random_.Chance(40)) return {"DELETE FROM plain" + where, {ScalarQuery(condition)}};
  std::vector<Leaf> columns;
  for (const Leaf& column : columns_) {
    if (column.name != "id" && column.name != "v") columns.push_back(column);
  }
  const Leaf& column = random_.Of(columns);
  const ExprPtr value = MakeOperand({column.type.name()}, 1, false);
  return {"ALTER TABLE plain UPDATE " + column.name + " = " + value->Text() + where,
          {ScalarQuery(condition), ScalarQuery(value)}};
}

}  // namespace granary::differential
