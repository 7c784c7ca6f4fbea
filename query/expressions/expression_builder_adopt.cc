// Nodes of other expressions made anew: columns of a subquery stand for expressions over what the
// subquery reads, conditions of several queries become one.
#include <algorithm>
#include <utility>

#include "granary/query/expressions/expression_builder.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/constant_set.h"
#include "granary/query/sql/format_ast.h"
#include "granary/table/stack_guard.h"

namespace granary {

ExpressionNodePtr ExpressionBuilder::Adopt(const CompiledExpression& expression) {
  const auto around = std::exchange(adopted_parameters_, {});
  ExpressionNodePtr root = Rebuild(*expression.root());
  adopted_parameters_ = around;
  return root;
}

ExpressionNodePtr ExpressionBuilder::And(const std::vector<CompiledExpressionPtr>& conditions) {
  std::vector<ExpressionNodePtr> nodes;
  for (const CompiledExpressionPtr& condition : conditions) {
    const Restore<size_t> guarded(guarded_, guarded_ + (nodes.empty() ? 0 : 1));
    nodes.push_back(Adopt(*condition));
  }
  return Call("and", std::move(nodes));
}

ExpressionNodePtr ExpressionBuilder::RebuildColumn(const ExpressionNode& column) {
  const auto lambda = std::find_if(adopted_parameters_.rbegin(), adopted_parameters_.rend(),
                                   [&](const auto& names) { return names.first == column.name(); });
  if (lambda != adopted_parameters_.rend()) {
    const std::string& name = lambda->second;
    return Intern(std::make_shared<ColumnNode>(name, column.type(), sql::QuoteIdentifier(name)));
  }
  auto node = std::make_shared<ColumnNode>(column.name(), column.type(), column.text());
  node->InheritParameters(column);
  return Intern(std::move(node));
}

std::vector<ExpressionNodePtr> ExpressionBuilder::RebuildArguments(const ExpressionNode& call) {
  CheckStack();
  CheckTaskCancelled();
  std::vector<ExpressionNodePtr> arguments;
  for (const ExpressionNodePtr& argument : call.arguments()) {
    const bool is_guarded = IsEvaluatedByNeed(call.name()) && !arguments.empty();
    const Restore<size_t> guarded(guarded_, guarded_ + (is_guarded ? 1 : 0));
    arguments.push_back(Rebuild(*argument));
  }
  return arguments;
}

ExpressionNodePtr ExpressionBuilder::RebuildCall(const ExpressionNode& call) {
  return Call(call.name(), RebuildArguments(call));
}

LambdaBody ExpressionBuilder::RebuildLambda(const LambdaBody& lambda,
                                            const std::vector<ExpressionNodePtr>& arrays) {
  Level level;
  std::vector<std::string> parameters;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const std::string name = UnusedName(lambda.parameters[i]);
    level.parameters.emplace_back(lambda.parameters[i],
                                  ScopeColumn{name, arrays[i]->type().element()});
    parameters.push_back(name);
    adopted_parameters_.emplace_back(lambda.parameters[i], name);
  }
  levels_.push_back(std::move(level));
  const Restore<size_t> guarded(guarded_, guarded_ + 1);
  ExpressionNodePtr root = Rebuild(*lambda.root);
  adopted_parameters_.resize(adopted_parameters_.size() - arrays.size());
  return FinishLambda(std::move(parameters), std::move(root));
}

// The nodes

ExpressionNodePtr ColumnNode::RebuildIn(ExpressionBuilder& builder) const {
  return builder.RebuildColumn(*this);
}

ExpressionNodePtr ConstantNode::RebuildIn(ExpressionBuilder& builder) const {
  auto node = std::make_shared<ConstantNode>(constant_, text_, parameter_);
  node->InheritParameters(*this);
  return builder.Intern(std::move(node));
}

ExpressionNodePtr CallNode::RebuildIn(ExpressionBuilder& builder) const {
  return builder.RebuildCall(*this);
}

ExpressionNodePtr ConditionalNode::RebuildIn(ExpressionBuilder& builder) const {
  return builder.RebuildCall(*this);
}

ExpressionNodePtr SetNode::RebuildIn(ExpressionBuilder& builder) const {
  const ExpressionNodePtr left = builder.Rebuild(*arguments_[0]);
  if (left->constant() != nullptr) {
    auto constant = std::make_shared<ConstantNode>(
        StoredRows(set_->Contains(*left->constant(), negated_)), TextOf(*left, negated_, right()));
    constant->InheritParameters(*left);
    constant->InheritParameters(*this);
    return builder.Intern(std::move(constant));
  }
  auto node = std::make_shared<SetNode>(left, set_, negated_, right());
  node->InheritParameters(*this);
  return builder.Intern(std::move(node));
}

ExpressionNodePtr RowSetNode::RebuildIn(ExpressionBuilder& builder) const {
  auto node = std::make_shared<RowSetNode>(builder.RebuildArguments(*this), rows_, right());
  node->InheritParameters(*this);
  return builder.Intern(std::move(node));
}

ExpressionNodePtr LambdaNode::RebuildIn(ExpressionBuilder& builder) const {
  std::vector<ExpressionNodePtr> arrays = builder.RebuildArguments(*this);
  LambdaBody lambda = builder.RebuildLambda(lambda_, arrays);
  return builder.CallWithLambda(builder.functions_.Get(name_), std::move(lambda),
                                std::move(arrays));
}

}  // namespace granary
