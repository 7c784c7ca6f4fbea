#include "granary/query/expressions/expression_compiler.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "granary/query/expressions/expression_builder.h"
#include "granary/query/expressions/expression_node_kinds.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/row_selection.h"
#include "granary/query/sql/format_ast.h"
#include "granary/table/stack_guard.h"

namespace granary {
namespace {

template <class F>
void ForEachChild(const sql::Expr& expr, F&& visit) {
  CheckStack();
  if (const auto* function = sql::As<sql::Function>(expr)) {
    for (const sql::ExprPtr& parameter : function->parameters) visit(parameter);
    for (const sql::ExprPtr& argument : function->arguments) visit(argument);
  }
}

void RequireConditionType(const CompiledExpression& condition) {
  if (IsConditionType(condition.type())) return;
  throw Error(ErrorCode::kIllegalTypeForFilter,
              fmt::format("The condition {} is of type {}; it must be a number or Bool",
                          condition.text(), condition.type().name()));
}

// Aliases whose expressions are being searched, to stop at cycles.
bool FindAggregate(const sql::Expr& expr, const ExpressionScope& scope,
                   std::vector<std::string>& open_aliases) {
  if (const auto* identifier = sql::As<sql::Identifier>(expr)) {
    if (identifier->parts.size() != 1) return false;
    const std::string& name = identifier->parts[0];
    const auto alias = scope.aliases.find(name);
    if (alias == scope.aliases.end() ||
        std::find(open_aliases.begin(), open_aliases.end(), name) != open_aliases.end()) {
      return false;
    }
    open_aliases.push_back(name);
    return FindAggregate(*alias->second, scope, open_aliases);
  }
  if (const auto* function = sql::As<sql::Function>(expr)) {
    if (IsAggregateFunction(function->name)) return true;
  }
  bool found = false;
  ForEachChild(expr, [&](const sql::ExprPtr& child) {
    found = found || FindAggregate(*child, scope, open_aliases);
  });
  return found;
}

}  // namespace

void ExpressionScope::AddAliases(const sql::ExprPtr& expr) {
  if (!expr->alias.empty()) {
    const auto [it, is_new] = aliases.emplace(expr->alias, expr);
    if (!is_new && sql::ColumnName(*it->second) != sql::ColumnName(*expr)) {
      throw Error(ErrorCode::kMultipleExpressionsForAlias,
                  fmt::format("The alias {} stands for two expressions: {} and {}", expr->alias,
                              sql::ColumnName(*it->second), sql::ColumnName(*expr)));
    }
  }
  ForEachChild(*expr, [&](const sql::ExprPtr& child) { AddAliases(child); });
}

CompiledExpression::CompiledExpression(ExpressionNodePtr root, size_t slots)
    : root_(std::move(root)), slots_(slots) {}

ColumnPtr CompiledExpression::Evaluate(const Block& block) const {
  EvaluationFrame frame(block, slots_);
  return frame.Evaluate(*root_);
}

namespace {

using NodesByText = std::unordered_map<std::string_view, std::vector<const ExpressionNode*>>;

// The calls of an expression that give the same again.
void AddCalls(const ExpressionNode& node, std::unordered_set<const ExpressionNode*>& seen,
              NodesByText& calls) {
  CheckStack();
  if (node.kind() != ExpressionNode::Kind::kCall || !seen.insert(&node).second) return;
  if (node.is_deterministic()) calls[node.text()].push_back(&node);
  for (const ExpressionNodePtr& argument : node.arguments()) AddCalls(*argument, seen, calls);
}

}  // namespace

// The nodes of one expression differ in their texts.
ExpressionList::ExpressionList(std::vector<CompiledExpressionPtr> expressions)
    : expressions_(std::move(expressions)) {
  NodesByText calls;
  std::unordered_set<const ExpressionNode*> seen;
  for (const CompiledExpressionPtr& expression : expressions_) {
    AddCalls(*expression->root(), seen, calls);
  }
  size_t number = 0;
  for (const auto& [text, nodes] : calls) {
    if (nodes.size() == 1) continue;
    for (const ExpressionNode* node : nodes) shared_.emplace(node, number);
    ++number;
  }
}

std::vector<ColumnPtr> ExpressionList::Evaluate(const Block& block) const {
  EvaluationFrame::Shared shared{shared_, std::vector<ColumnPtr>(shared_.size())};
  std::vector<ColumnPtr> columns;
  columns.reserve(expressions_.size());
  for (const CompiledExpressionPtr& expression : expressions_) {
    EvaluationFrame frame(block, expression->slots(), shared_.empty() ? nullptr : &shared);
    columns.push_back(frame.Evaluate(*expression->root()));
  }
  return columns;
}

CompiledExpressionPtr CompileExpression(const sql::Expr& expr, const ExpressionScope& scope) {
  ExpressionBuilder builder(scope);
  return builder.Finish(builder.Compile(expr));
}

CompiledExpressionPtr CompileExpressionAs(const sql::Expr& expr, const DataType& type,
                                          const ExpressionScope& scope) {
  ExpressionBuilder builder(scope);
  return builder.Finish(builder.Cast(builder.Compile(expr), type));
}

CompiledExpressionPtr CompileCondition(const sql::Expr& expr, const ExpressionScope& scope) {
  CompiledExpressionPtr condition = CompileExpression(expr, scope);
  RequireConditionType(*condition);
  return condition;
}

namespace {

void AddConjuncts(const ExpressionNodePtr& node, std::vector<ExpressionNodePtr>& conjuncts) {
  CheckStack();
  if (!node->IsCallOf("and")) {
    conjuncts.push_back(node);
    return;
  }
  for (const ExpressionNodePtr& argument : node->arguments()) AddConjuncts(argument, conjuncts);
}

}  // namespace

CompiledExpressionPtr ColumnExpression(const std::string& name, const DataType& type) {
  return std::make_shared<CompiledExpression>(
      std::make_shared<ColumnNode>(name, type, sql::QuoteIdentifier(name)), 1);
}

CompiledExpressionPtr ConstantExpression(ColumnPtr value, std::string text) {
  return std::make_shared<CompiledExpression>(
      std::make_shared<ConstantNode>(StoredRows(value), std::move(text)), 1);
}

std::vector<CompiledExpressionPtr> ConjunctsOf(const CompiledExpression& condition) {
  std::vector<ExpressionNodePtr> nodes;
  AddConjuncts(condition.root(), nodes);
  std::vector<CompiledExpressionPtr> conjuncts;
  for (ExpressionNodePtr& node : nodes) {
    conjuncts.push_back(std::make_shared<CompiledExpression>(std::move(node), condition.slots()));
  }
  return conjuncts;
}

CompiledExpressionPtr CombineByAnd(const std::vector<CompiledExpressionPtr>& conditions,
                                   const FunctionContext& context) {
  if (conditions.size() == 1) return conditions.front();
  ExpressionScope scope;
  scope.context = context;
  ExpressionBuilder builder(scope);
  return builder.Finish(builder.And(conditions));
}

CompiledExpressionPtr ReadComputed(const CompiledExpression& expression,
                                   const std::map<std::string, ScopeColumn>& computed,
                                   const FunctionContext& context) {
  ExpressionScope scope;
  scope.context = context;
  scope.computed = computed;
  ExpressionBuilder builder(scope);
  return builder.Finish(builder.Adopt(expression));
}

size_t ConditionMask(const Column& column, std::span<uint8_t> mask) {
  return ReadTruth(column, mask);
}

namespace {

ColumnPtr RequireConstantResult(const CompiledExpression& expression) {
  if (expression.root()->kind() != ExpressionNode::Kind::kConstant) {
    if (!expression.required_columns().empty()) {
      throw Error(ErrorCode::kBadArguments,
                  fmt::format("{} is not a constant: it depends on the column {}",
                              expression.text(), expression.required_columns()[0]));
    }
    return StoredRows(expression.Evaluate(Block(1)));
  }
  return expression.root()->constant();
}

}  // namespace

TypedValue EvaluateConstant(const sql::Expr& expr, const ExpressionScope& scope) {
  return EvaluateConstant(*CompileExpression(expr, scope));
}

TypedValue EvaluateConstant(const CompiledExpression& expression) {
  const ColumnPtr value = RequireConstantResult(expression);
  return {value->type(), value->ValueAt(0)};
}

ColumnPtr EvaluateConstantAs(const sql::Expr& expr, const DataType& type,
                             const ExpressionScope& scope) {
  return RequireConstantResult(*CompileExpressionAs(expr, type, scope));
}

bool ContainsAggregate(const sql::Expr& expr, const ExpressionScope& scope) {
  std::vector<std::string> open_aliases;
  return FindAggregate(expr, scope, open_aliases);
}

}  // namespace granary
