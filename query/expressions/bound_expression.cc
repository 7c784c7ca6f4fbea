#include "granary/query/expressions/bound_expression.h"

#include <utility>

#include "granary/query/expressions/expression_node_kinds.h"

namespace granary {
namespace {

class BoundNode final : public ExpressionNode {
 public:
  BoundNode(CompiledExpressionPtr expression, std::map<std::string, ColumnPtr> values,
            std::map<std::string, std::string> names)
      : ExpressionNode(Kind::kCall, expression->type(), expression->text()),
        expression_(std::move(expression)),
        values_(std::move(values)),
        names_(std::move(names)) {
    can_fail_ = expression_->root()->can_fail();
    is_deterministic_ = expression_->root()->is_deterministic();
    for (const auto& [name, in_block] : names_) required_columns_.push_back(in_block);
  }

 private:
  // Made when a plan runs, after all expressions of it.
  ExpressionNodePtr RebuildIn(ExpressionBuilder&) const override {
    throw Error(ErrorCode::kLogicalError, "a bound expression is no part of another one");
  }
  ColumnPtr Compute(EvaluationFrame& frame) const override {
    Block block(frame.rows());
    for (const auto& [name, in_block] : names_) block.Add(name, frame.block().Get(in_block));
    for (const auto& [name, value] : values_) {
      block.Add(name, std::make_shared<ConstantColumn>(value, frame.rows()));
    }
    return expression_->Evaluate(block);
  }

  const CompiledExpressionPtr expression_;
  const std::map<std::string, ColumnPtr> values_;
  const std::map<std::string, std::string> names_;
};

}  // namespace

CompiledExpressionPtr BindColumns(CompiledExpressionPtr expression,
                                  std::map<std::string, ColumnPtr> values,
                                  std::map<std::string, std::string> names) {
  auto root =
      std::make_shared<BoundNode>(std::move(expression), std::move(values), std::move(names));
  return std::make_shared<CompiledExpression>(std::move(root), 1);
}

}  // namespace granary
