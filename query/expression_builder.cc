#include "granary/query/expression_builder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/query/expression_node_kinds.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

// Aliases can nest deeper than the parser lets any one expression be, and can multiply its size.
constexpr size_t kDepthMax = 4000;
constexpr size_t kTextBytesMax = 64 << 20;

std::string Joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, "."));
}

std::string CallText(std::string_view name, const std::vector<ExpressionNodePtr>& arguments) {
  std::string text(name);
  text += '(';
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (i > 0) text += ", ";
    text += arguments[i]->text();
  }
  text += ')';
  return text;
}

// x, or (x, y)
std::string ParameterText(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + sql::QuoteIdentifier(name);
  }
  return names.size() == 1 ? text : "(" + text + ")";
}

bool IsEvaluatedByNeed(std::string_view function) {
  return function == "if" || function == "multiIf" || function == "and" || function == "or";
}

bool IsConstant(const ExpressionNodePtr& node) {
  return node->kind() == ExpressionNode::Kind::kConstant;
}

std::vector<FunctionArgument> ArgumentsOf(const std::vector<ExpressionNodePtr>& nodes) {
  std::vector<FunctionArgument> arguments;
  for (const ExpressionNodePtr& node : nodes) {
    arguments.push_back({node->type(), node->constant()});
  }
  return arguments;
}

template <class T>
class Restore {
 public:
  Restore(T& variable, T value) : variable_(variable), saved_(variable) { variable = value; }
  ~Restore() { variable_ = saved_; }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& variable_;
  T saved_;
};

}  // namespace

ExpressionBuilder::ExpressionBuilder(const ExpressionScope& scope)
    : scope_(scope),
      functions_(scope.functions != nullptr ? *scope.functions : BuiltinFunctions()),
      levels_(1) {}

ExpressionNodePtr ExpressionBuilder::Compile(const sql::Expr& expr) {
  const Restore<size_t> deeper(depth_, depth_ + 1);
  if (depth_ > kDepthMax) {
    throw Error(ErrorCode::kTooDeepRecursion,
                "The expression is nested too deeply, aliases included");
  }
  switch (expr.kind) {
    case sql::ExprKind::kLiteral:
      return CompileLiteral(*sql::As<sql::Literal>(expr));
    case sql::ExprKind::kIdentifier:
      return CompileIdentifier(*sql::As<sql::Identifier>(expr));
    case sql::ExprKind::kFunction:
      return CompileFunction(*sql::As<sql::Function>(expr));
    case sql::ExprKind::kSubquery:
      return CompileScalarSubquery(*sql::As<sql::Subquery>(expr));
    case sql::ExprKind::kParameter:
      return CompileParameter(*sql::As<sql::QueryParameter>(expr));
    case sql::ExprKind::kLambda:
      throw Error(ErrorCode::kIllegalTypeOfArgument,
                  fmt::format("{}: a lambda may only be the first argument of a higher-order "
                              "function such as arrayMap",
                              sql::ColumnName(expr)));
    case sql::ExprKind::kAsterisk:
      break;
  }
  throw Error(ErrorCode::kSyntaxError, "* may only stand in a list of columns and in count(*)");
}

ExpressionNodePtr ExpressionBuilder::Cast(const ExpressionNodePtr& node, const DataType& type) {
  if (node->type() == type) return node;
  const ColumnPtr name = StoredRows(MakeConstant(TypeId::kString, type.name(), 1));
  return Call("CAST",
              {node, Intern(std::make_shared<ConstantNode>(name, "'" + type.name() + "'"))});
}

CompiledExpressionPtr ExpressionBuilder::Finish(const ExpressionNodePtr& root) const {
  if (scope_.aggregates != nullptr && !is_inside_aggregate_) {
    const auto is_available = [&](const std::string& column) {
      return std::any_of(scope_.aggregates->begin(), scope_.aggregates->end(),
                         [&](const AggregateCall& call) { return call.text == column; }) ||
             std::any_of(scope_.computed.begin(), scope_.computed.end(),
                         [&](const auto& item) { return item.second.name == column; });
    };
    for (const std::string& column : root->required_columns()) {
      if (is_available(column)) continue;
      throw Error(ErrorCode::kNotAnAggregate,
                  fmt::format("Column {} is neither in GROUP BY nor inside an aggregate function; "
                              "group by it, or take any({})",
                              column, column));
    }
  }
  return std::make_shared<CompiledExpression>(root, levels_[0].slots);
}

ExpressionNodePtr ExpressionBuilder::CompileLiteral(const sql::Literal& literal) {
  if (literal.is_null()) {
    throw Error(ErrorCode::kNotImplemented,
                "NULL: Nullable types are not supported; use a default value instead");
  }
  ColumnPtr value = StoredRows(MakeConstant(literal.type, literal.value, 1));
  return Intern(std::make_shared<ConstantNode>(std::move(value), sql::ColumnName(literal)));
}

ExpressionNodePtr ExpressionBuilder::CompileParameter(const sql::QueryParameter& parameter) {
  if (scope_.parameters == nullptr) {
    throw Error(ErrorCode::kUnknownQueryParameter,
                fmt::format("Query parameter {} cannot be used here", parameter.name));
  }
  const DataType type = DataType::Parse(parameter.type);
  ColumnPtr value = StoredRows(scope_.parameters->Get(parameter.name, type));
  return Intern(
      std::make_shared<ConstantNode>(std::move(value), sql::ColumnName(parameter), parameter.name));
}

ExpressionNodePtr ExpressionBuilder::CompileScalarSubquery(const sql::Subquery& subquery) {
  std::string text = "(" + sql::FormatQuery(*subquery.query) + ")";
  Level& level = levels_.back();
  if (const auto it = level.nodes.find(text); it != level.nodes.end()) return it->second;
  const Block block = RunSubquery(*subquery.query);
  if (block.column_count() != 1) {
    throw Error(ErrorCode::kNotImplemented,
                fmt::format("A scalar subquery must return one column, not {}: {}",
                            block.column_count(), text));
  }
  if (block.rows() != 1) {
    throw Error(
        ErrorCode::kIncorrectResultOfScalarSubquery,
        fmt::format("A scalar subquery must return one row, not {}: {}", block.rows(), text));
  }
  return Intern(std::make_shared<ConstantNode>(StoredRows(block.column(0)), std::move(text)));
}

Block ExpressionBuilder::RunSubquery(const sql::Query& query) const {
  if (!scope_.run_subquery) {
    throw Error(ErrorCode::kNotImplemented,
                fmt::format("A subquery cannot be used here: {}", sql::FormatQuery(query)));
  }
  return scope_.run_subquery(query);
}

// Names

ExpressionNodePtr ExpressionBuilder::CompileIdentifier(const sql::Identifier& identifier) {
  const std::vector<std::string>& parts = identifier.parts;
  if (parts.size() == 1) {
    if (ExpressionNodePtr parameter = FindLambdaParameter(parts[0])) return parameter;
    if (ExpressionNodePtr alias = FindAlias(parts[0])) return alias;
  }
  if (ExpressionNodePtr column = FindColumn(parts)) return column;
  ThrowUnknownIdentifier(parts);
}

ExpressionNodePtr ExpressionBuilder::FindLambdaParameter(const std::string& name) {
  if (!are_lambda_parameters_visible_) return nullptr;
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    for (const auto& [parameter, column] : level->parameters) {
      if (parameter != name) continue;
      return Intern(std::make_shared<ColumnNode>(column.name, column.type,
                                                 sql::QuoteIdentifier(column.name)));
    }
  }
  return nullptr;
}

// An alias of an aggregate, where none may stand, gives way to a column of its name: as in
// SELECT max(t) AS t ... WHERE t > 0.
bool ExpressionBuilder::IsHiddenByAggregation(const sql::Expr& aliased,
                                              const std::string& name) const {
  const bool may_aggregate = scope_.aggregates != nullptr && !is_inside_aggregate_;
  const bool is_column =
      std::any_of(scope_.columns.begin(), scope_.columns.end(),
                  [&](const ScopeColumn& column) { return column.name == name; });
  return !may_aggregate && is_column && ContainsAggregate(aliased, scope_);
}

ExpressionNodePtr ExpressionBuilder::FindAlias(const std::string& name) {
  const auto alias = scope_.aliases.find(name);
  if (alias == scope_.aliases.end()) return nullptr;
  const auto open = std::find(open_aliases_.begin(), open_aliases_.end(), name);
  if (open != open_aliases_.end()) {
    lowest_open_use_ = std::min<size_t>(lowest_open_use_, open - open_aliases_.begin());
    return nullptr;
  }
  if (IsHiddenByAggregation(*alias->second, name)) return nullptr;
  const bool is_outside_lambdas = levels_.size() == 1;
  if (const auto it = compiled_aliases_.find(name);
      is_outside_lambdas && it != compiled_aliases_.end()) {
    return it->second;
  }
  const Restore<bool> hidden(are_lambda_parameters_visible_, false);
  const size_t outer_use = std::exchange(lowest_open_use_, kNoAlias);
  open_aliases_.push_back(name);
  ExpressionNodePtr node = Compile(*alias->second);
  open_aliases_.pop_back();
  // What it stands for does not depend on the aliases around it.
  const bool is_self_contained = lowest_open_use_ >= open_aliases_.size();
  if (is_outside_lambdas && is_self_contained) compiled_aliases_.emplace(name, node);
  lowest_open_use_ = is_self_contained ? outer_use : std::min(outer_use, lowest_open_use_);
  return node;
}

ExpressionNodePtr ExpressionBuilder::FindColumn(const std::vector<std::string>& parts) {
  const auto find = [&](const std::string& name) -> ExpressionNodePtr {
    for (const ScopeColumn& column : scope_.columns) {
      if (column.name != name) continue;
      return Intern(std::make_shared<ColumnNode>(name, column.type, sql::QuoteIdentifier(name)));
    }
    return nullptr;
  };
  if (ExpressionNodePtr column = find(Joined(parts))) return column;
  for (size_t split = 1; split < parts.size(); ++split) {
    const std::string qualifier = Joined({parts.begin(), parts.begin() + split});
    if (std::find(scope_.qualifiers.begin(), scope_.qualifiers.end(), qualifier) ==
        scope_.qualifiers.end()) {
      continue;
    }
    if (ExpressionNodePtr column = find(Joined({parts.begin() + split, parts.end()}))) {
      return column;
    }
  }
  return nullptr;
}

void ExpressionBuilder::ThrowUnknownIdentifier(const std::vector<std::string>& parts) const {
  const std::string name = Joined(parts);
  if (std::find(open_aliases_.begin(), open_aliases_.end(), name) != open_aliases_.end()) {
    throw Error(
        ErrorCode::kCyclicAliases,
        fmt::format("The alias {} is defined by itself, and there is no column {}", name, name));
  }
  std::vector<std::string> names;
  for (const ScopeColumn& column : scope_.columns) names.push_back(column.name);
  for (const auto& [alias, expression] : scope_.aliases) names.push_back(alias);
  for (const Level& level : levels_) {
    for (const auto& [parameter, column] : level.parameters) names.push_back(parameter);
  }
  throw Error(ErrorCode::kUnknownIdentifier,
              fmt::format("Unknown column or alias {}{}", name, CloseNamesHint(name, names)));
}

std::string ExpressionBuilder::UnusedName(const std::string& wanted) const {
  const auto is_used = [&](const std::string& name) {
    const auto is_named = [&](const ScopeColumn& column) { return column.name == name; };
    if (std::any_of(scope_.columns.begin(), scope_.columns.end(), is_named)) return true;
    if (scope_.computed.count(name) > 0 || scope_.aliases.count(name) > 0) return true;
    return std::any_of(levels_.begin(), levels_.end(), [&](const Level& level) {
      return std::any_of(level.parameters.begin(), level.parameters.end(),
                         [&](const auto& parameter) { return is_named(parameter.second); });
    });
  };
  std::string name = wanted;
  for (int suffix = 1; is_used(name); ++suffix) name = fmt::format("{}_{}", wanted, suffix);
  return name;
}

// Functions

ExpressionNodePtr ExpressionBuilder::CompileFunction(const sql::Function& function) {
  const std::string& name = function.name;
  if (name == "in" || name == "globalIn") return CompileIn(function, false);
  if (name == "notIn" || name == "globalNotIn") return CompileIn(function, true);
  if (name == "tuple") {
    throw Error(
        ErrorCode::kNotImplemented,
        fmt::format("Tuples are not supported, except beside IN: {}", sql::ColumnName(function)));
  }
  const FunctionDefinition* definition = functions_.Find(name);
  if (definition == nullptr && IsAggregateFunction(name)) return CompileAggregate(function);
  if (ExpressionNodePtr shifted = CompileInterval(function)) return shifted;
  if (definition == nullptr) ThrowUnknownFunction(name);
  if (!function.parameters.empty() || function.distinct) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("{} is not an aggregate function: it takes neither parameters nor "
                            "DISTINCT",
                            name));
  }
  const bool has_lambda =
      !function.arguments.empty() && function.arguments[0]->kind == sql::ExprKind::kLambda;
  if (definition->kind == FunctionKind::kHigherOrder && has_lambda) {
    return CompileHigherOrder(*definition, function);
  }
  if (definition->kind == FunctionKind::kHigherOrder && function.arguments.size() > 1) {
    throw Error(ErrorCode::kIllegalTypeOfArgument,
                fmt::format("The first of several arguments of function {} must be a lambda, for "
                            "example x -> x + 1",
                            name));
  }
  return Call(*definition, name, CompileArguments(function));
}

void ExpressionBuilder::ThrowUnknownFunction(const std::string& name) const {
  std::vector<std::string> names = functions_.Names();
  const std::vector<std::string> aggregates = AggregateFunctionNames();
  names.insert(names.end(), aggregates.begin(), aggregates.end());
  throw Error(ErrorCode::kUnknownFunction,
              fmt::format("Unknown function {}{}", name, CloseNamesHint(name, names)));
}

std::vector<ExpressionNodePtr> ExpressionBuilder::CompileArguments(const sql::Function& function) {
  const bool is_by_need = IsEvaluatedByNeed(function.name);
  std::vector<ExpressionNodePtr> arguments;
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    const Restore<size_t> guarded(guarded_, guarded_ + (is_by_need && i > 0 ? 1 : 0));
    arguments.push_back(Compile(*function.arguments[i]));
  }
  return arguments;
}

ExpressionNodePtr ExpressionBuilder::Call(std::string_view function,
                                          std::vector<ExpressionNodePtr> arguments) {
  return Call(functions_.Get(function), function, std::move(arguments));
}

ExpressionNodePtr ExpressionBuilder::Call(const FunctionDefinition& definition,
                                          std::string_view name,
                                          std::vector<ExpressionNodePtr> arguments) {
  granary::Function function = functions_.Bind(name, ArgumentsOf(arguments), scope_.context);
  std::string text = CallText(definition.name, arguments);
  if (ColumnPtr value = Fold(definition, function, arguments)) {
    return Intern(std::make_shared<ConstantNode>(std::move(value), std::move(text)));
  }
  const bool is_by_need =
      IsEvaluatedByNeed(definition.name) &&
      std::any_of(arguments.begin() + 1, arguments.end(),
                  [](const ExpressionNodePtr& argument) { return argument->can_fail(); });
  if (is_by_need) {
    return Intern(std::make_shared<ConditionalNode>(definition.name, function.result_type(),
                                                    std::move(arguments), std::move(text)));
  }
  const bool is_deterministic =
      definition.kind == FunctionKind::kPlain || definition.kind == FunctionKind::kHigherOrder;
  return Intern(std::make_shared<CallNode>(definition.name, std::move(function),
                                           std::move(arguments), is_deterministic,
                                           std::move(text)));
}

ColumnPtr ExpressionBuilder::Fold(const FunctionDefinition& definition,
                                  const granary::Function& function,
                                  const std::vector<ExpressionNodePtr>& arguments) const {
  const bool is_per_statement = definition.kind == FunctionKind::kPerStatement;
  if (definition.kind == FunctionKind::kPerRow) return nullptr;
  if (is_per_statement && !scope_.context.now) return nullptr;
  if (!std::all_of(arguments.begin(), arguments.end(), IsConstant)) return nullptr;
  std::vector<ColumnPtr> values;
  for (const ExpressionNodePtr& argument : arguments) values.push_back(argument->constant());
  try {
    return StoredRows(function.Execute(values, 1));
  } catch (const Error&) {
    if (guarded_ == 0) throw;
    return nullptr;
  }
}

ExpressionNodePtr ExpressionBuilder::CompileInterval(const sql::Function& function) {
  constexpr std::string_view kPrefix = "toInterval";
  const bool is_plus = function.name == "plus";
  const bool is_start = function.name == "toStartOfInterval";
  if (!is_plus && !is_start && function.name != "minus") return nullptr;
  if (function.arguments.size() != 2) return nullptr;
  const auto as_interval = [&](size_t index) -> const sql::Function* {
    const auto* interval = sql::As<sql::Function>(*function.arguments[index]);
    const bool matches = interval != nullptr && interval->name.starts_with(kPrefix) &&
                         interval->arguments.size() == 1;
    return matches ? interval : nullptr;
  };
  size_t date = 0;
  const sql::Function* interval = as_interval(1);
  if (interval == nullptr && is_plus) {
    interval = as_interval(0);
    date = 1;
  }
  if (interval == nullptr) return nullptr;
  const std::string unit = interval->name.substr(kPrefix.size());
  if (is_start) {
    const ColumnPtr name = StoredRows(MakeConstant(TypeId::kString, unit, 1));
    return Call("toStartOfInterval",
                {Compile(*function.arguments[0]), Compile(*interval->arguments[0]),
                 Intern(std::make_shared<ConstantNode>(name, "'" + unit + "'"))});
  }
  return Call((is_plus ? "add" : "subtract") + unit + "s",
              {Compile(*function.arguments[date]), Compile(*interval->arguments[0])});
}

ExpressionNodePtr ExpressionBuilder::CompileHigherOrder(const FunctionDefinition& definition,
                                                        const sql::Function& function) {
  const auto& syntax = *sql::As<sql::Lambda>(*function.arguments[0]);
  std::vector<ExpressionNodePtr> arrays;
  for (size_t i = 1; i < function.arguments.size(); ++i) {
    arrays.push_back(Compile(*function.arguments[i]));
    if (!arrays.back()->type().is_array()) {
      throw Error(ErrorCode::kIllegalTypeOfArgument,
                  fmt::format("Argument {} of function {} must be an array, not {}", i + 1,
                              function.name, arrays.back()->type().name()));
    }
  }
  if (arrays.size() != syntax.arguments.size()) {
    throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
                fmt::format("The lambda of function {} has {} arguments, but there are {} arrays",
                            function.name, syntax.arguments.size(), arrays.size()));
  }
  Level level;
  LambdaNode::Lambda lambda;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const std::string name = UnusedName(syntax.arguments[i]);
    level.parameters.emplace_back(syntax.arguments[i],
                                  ScopeColumn{name, arrays[i]->type().element()});
    lambda.parameters.push_back(name);
  }
  levels_.push_back(std::move(level));
  {
    const Restore<bool> visible(are_lambda_parameters_visible_, true);
    const Restore<size_t> guarded(guarded_, guarded_ + 1);
    lambda.body = Compile(*syntax.body);
  }
  lambda.slots = levels_.back().slots;
  levels_.pop_back();
  for (const std::string& column : lambda.body->required_columns()) {
    if (std::find(lambda.parameters.begin(), lambda.parameters.end(), column) ==
        lambda.parameters.end()) {
      lambda.captured.push_back(column);
    }
  }
  std::vector<FunctionArgument> arguments = ArgumentsOf(arrays);
  arguments.insert(arguments.begin(), {DataType::Array(lambda.body->type()), nullptr});
  granary::Function bound = functions_.Bind(function.name, arguments, scope_.context);
  std::string text = fmt::format("{}({} -> {}", definition.name, ParameterText(lambda.parameters),
                                 lambda.body->text());
  for (const ExpressionNodePtr& array : arrays) text += ", " + array->text();
  auto node = std::make_shared<LambdaNode>(definition.name, std::move(bound), std::move(lambda),
                                           arrays, text + ")");
  const bool is_constant =
      node->is_deterministic() && node->required_columns().empty() && guarded_ == 0;
  if (!is_constant) return Intern(std::move(node));
  const Block one_row(1);
  EvaluationFrame frame(one_row, levels_.back().slots + 1);
  node->slot_ = levels_.back().slots;
  ColumnPtr value = StoredRows(frame.Evaluate(*node));
  return Intern(std::make_shared<ConstantNode>(std::move(value), node->text()));
}

ExpressionNodePtr ExpressionBuilder::CompileAggregate(const sql::Function& function) {
  if (scope_.aggregates == nullptr || is_inside_aggregate_) {
    throw Error(ErrorCode::kIllegalAggregation,
                fmt::format("Aggregate function {} cannot stand {}", sql::ColumnName(function),
                            is_inside_aggregate_ ? "inside another aggregate function" : "here"));
  }
  AggregateCall call;
  call.name = function.name;
  call.text = function.name;
  std::vector<Value> parameters;
  std::string parameters_text;
  for (const sql::ExprPtr& parameter : function.parameters) {
    const TypedValue value = EvaluateConstant(*parameter, scope_);
    parameters_text += (parameters_text.empty() ? "" : ", ") + ValueToSql(value.value, value.type);
    parameters.push_back(value.value);
  }
  if (!parameters.empty()) call.text += "(" + parameters_text + ")";
  call.text += function.distinct ? "(DISTINCT " : "(";
  std::vector<DataType> types;
  for (const sql::ExprPtr& argument : function.arguments) {
    if (argument->kind == sql::ExprKind::kAsterisk) continue;
    ExpressionBuilder builder(scope_);
    builder.is_inside_aggregate_ = true;
    call.arguments.push_back(builder.Finish(builder.Compile(*argument)));
    if (!types.empty()) call.text += ", ";
    call.text += call.arguments.back()->text();
    types.push_back(call.arguments.back()->type());
  }
  call.text += ")";
  call.function = BindAggregateFunction(function.name, parameters, types, function.distinct);
  auto node = std::make_shared<ColumnNode>(call.text, call.function->result_type(), call.text);
  const bool is_known =
      std::any_of(scope_.aggregates->begin(), scope_.aggregates->end(),
                  [&](const AggregateCall& known) { return known.text == call.text; });
  if (!is_known) scope_.aggregates->push_back(std::move(call));
  return Intern(std::move(node));
}

// Nodes

bool ExpressionBuilder::ReadsLambdaParameter(const ExpressionNode& node) const {
  for (size_t level = 1; level < levels_.size(); ++level) {
    for (const auto& [parameter, column] : levels_[level].parameters) {
      const auto& columns = node.required_columns();
      if (std::find(columns.begin(), columns.end(), column.name) != columns.end()) return true;
    }
  }
  return false;
}

ExpressionNodePtr ExpressionBuilder::Intern(std::shared_ptr<ExpressionNode> node) {
  if (node->text().size() > kTextBytesMax) {
    throw Error(ErrorCode::kTooBigAst, "The expression is too big, aliases included");
  }
  if (!is_inside_aggregate_ && !scope_.computed.empty() && !ReadsLambdaParameter(*node)) {
    const auto it = scope_.computed.find(node->text());
    if (it != scope_.computed.end()) {
      node = std::make_shared<ColumnNode>(it->second.name, it->second.type, node->text());
    }
  }
  Level& level = levels_.back();
  const auto [it, is_new] = level.nodes.emplace(node->text(), node);
  if (is_new) node->slot_ = level.slots++;
  return it->second;
}

}  // namespace granary
