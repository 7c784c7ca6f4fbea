#include "granary/query/expressions/expression_builder.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/query/functions/column_access.h"
#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/keywords.h"
#include "granary/query/sql/literals.h"
#include "granary/table/stack_guard.h"

namespace granary {
namespace {

// Aliases can nest deeper than the parser lets any one expression be, and can multiply its size.
constexpr size_t kDepthMax = 4000;
constexpr size_t kTextBytesMax = 64 << 20;

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

bool IsConstant(const ExpressionNodePtr& node) {
  return node->kind() == ExpressionNode::Kind::kConstant;
}

}  // namespace

bool ExpressionBuilder::IsEvaluatedByNeed(std::string_view function) {
  return function == "if" || function == "multiIf" || function == "and" || function == "or";
}

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
  if (++compiled_ > scope_.elements_max && scope_.elements_max != 0) {
    throw Error(ErrorCode::kTooBigAst,
                fmt::format("With its aliases repeated wherever they are used, the expression has "
                            "more than {} elements; raise max_expanded_ast_elements, or use them "
                            "less often",
                            scope_.elements_max));
  }
  CheckStack();
  CheckTaskCancelled();
  const bool opens_alias = !expr.alias.empty() && !IsOpen(expr.alias);
  return opens_alias ? CompileAliased(expr.alias, expr) : CompileForm(expr);
}

ExpressionNodePtr ExpressionBuilder::CompileForm(const sql::Expr& expr) {
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
  const auto column = scope_.parameter_columns.find(parameter.name);
  if (column != scope_.parameter_columns.end()) {
    return Cast(Intern(std::make_shared<ColumnNode>(column->second.name, column->second.type,
                                                    sql::ColumnName(parameter))),
                type);
  }
  ColumnPtr value = StoredRows(scope_.parameters->Get(parameter.name, type));
  return Intern(
      std::make_shared<ConstantNode>(std::move(value), sql::ColumnName(parameter), parameter.name));
}

ExpressionNodePtr ExpressionBuilder::CompileScalarSubquery(const sql::Subquery& subquery) {
  SubqueryResult result = RunSubquery(*subquery.query);
  const Block& block = result.rows;
  const std::string& text = result.text;
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
  return Intern(std::make_shared<ConstantNode>(StoredRows(block.column(0)), text));
}

ExpressionNodePtr ExpressionBuilder::CompileExists(const sql::Function& function) {
  const auto* subquery =
      function.arguments.size() == 1 ? sql::As<sql::Subquery>(*function.arguments[0]) : nullptr;
  if (subquery == nullptr) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("EXISTS takes a subquery: {}", sql::ColumnName(function)));
  }
  // One row is enough to know.
  sql::Query query = *subquery->query;
  for (sql::Select& select : query.selects) {
    if (!select.limit) select.limit = sql::MakeNumber("1", /*negative=*/false);
  }
  const SubqueryResult result = RunSubquery(query);
  const bool exists = result.rows.rows() > 0;
  const ColumnPtr value = StoredRows(MakeConstant(TypeId::kUInt8, Value(uint64_t{exists}), 1));
  return Intern(std::make_shared<ConstantNode>(value, "exists" + result.text));
}

SubqueryResult ExpressionBuilder::RunSubquery(const sql::Query& query) const {
  if (!scope_.run_subquery) {
    throw Error(ErrorCode::kNotImplemented,
                fmt::format("A subquery cannot be used here: {}", sql::FormatQuery(query)));
  }
  return scope_.run_subquery(query);
}

// Functions

ExpressionNodePtr ExpressionBuilder::CompileFunction(const sql::Function& function) {
  const std::string& name = function.name;
  if (name == "in" || name == "globalIn") return CompileIn(function, false);
  if (name == "notIn" || name == "globalNotIn") return CompileIn(function, true);
  if (sql::EqualWords(name, "exists")) return CompileExists(function);
  if (name == "tuple") {
    throw Error(
        ErrorCode::kNotImplemented,
        fmt::format("Tuples are not supported, except beside IN and compared with each other, nor "
                    "inside other tuples: {}",
                    sql::ColumnName(function)));
  }
  if (ExpressionNodePtr comparison = CompileTupleComparison(function)) return comparison;
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

std::vector<FunctionArgument> ExpressionBuilder::ArgumentsOf(
    const std::vector<ExpressionNodePtr>& nodes) {
  std::vector<FunctionArgument> arguments;
  for (const ExpressionNodePtr& node : nodes) {
    arguments.push_back({node->type(), node->constant()});
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
    const bool is_per_statement = definition.kind == FunctionKind::kPerStatement;
    return Constant(std::move(value), std::move(text), arguments, is_per_statement);
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

// Nodes

ExpressionNodePtr ExpressionBuilder::Constant(ColumnPtr value, std::string text,
                                              std::span<const ExpressionNodePtr> sources,
                                              bool is_per_statement) {
  auto node = std::make_shared<ConstantNode>(std::move(value), std::move(text));
  if (is_per_statement) node->parameters_.emplace_back(ExpressionNode::kInstant);
  for (const ExpressionNodePtr& source : sources) node->InheritParameters(*source);
  return Intern(std::move(node));
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
