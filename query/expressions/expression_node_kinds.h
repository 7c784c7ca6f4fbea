// The concrete nodes of compiled expressions and their evaluation. Internal to the compiler; the
// rest of query/ sees ExpressionNode.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "granary/query/expressions/expression_node.h"
#include "granary/query/functions/function.h"

namespace granary {

// One evaluation of an expression on one block: keeps each node's result, so that a subexpression
// that occurs several times is computed once.
class EvaluationFrame {
 public:
  // Results that several frames over the same block have in common, by node.
  struct Shared {
    const std::unordered_map<const ExpressionNode*, size_t>& numbers;
    std::vector<ColumnPtr> results;  // by number; null until computed
  };

  // The block outlives the frame. `slots` as in CompiledExpression.
  EvaluationFrame(const Block& block, size_t slots, Shared* shared = nullptr)
      : block_(block), results_(slots), shared_(shared) {}

  const Block& block() const { return block_; }
  size_t rows() const { return block_.rows(); }
  size_t slots() const { return results_.size(); }
  // The node's column for all rows of the block.
  const ColumnPtr& Evaluate(const ExpressionNode& node);
  std::vector<ColumnPtr> Evaluate(const std::vector<ExpressionNodePtr>& nodes);

 private:
  ColumnPtr EvaluateShared(const ExpressionNode& node);

  const Block& block_;
  std::vector<ColumnPtr> results_;
  Shared* const shared_;
};

class ColumnNode final : public ExpressionNode {
 public:
  ColumnNode(std::string column, DataType type, std::string text);

 private:
  ExpressionNodePtr RebuildIn(ExpressionBuilder& builder) const override;
  ColumnPtr Compute(EvaluationFrame& frame) const override;
};

class ConstantNode final : public ExpressionNode {
 public:
  ConstantNode(ColumnPtr value, std::string text, std::string parameter = {});

 private:
  ExpressionNodePtr RebuildIn(ExpressionBuilder& builder) const override;
  ColumnPtr Compute(EvaluationFrame& frame) const override;
};

class CallNode final : public ExpressionNode {
 public:
  CallNode(std::string name, Function function, std::vector<ExpressionNodePtr> arguments,
           bool is_deterministic, std::string text);

 private:
  ExpressionNodePtr RebuildIn(ExpressionBuilder& builder) const override;
  ColumnPtr Compute(EvaluationFrame& frame) const override;

  Function function_;
};

// x IN (constants), x NOT IN (constants)
class SetNode final : public ExpressionNode {
 public:
  // `right` is what the text of the node says of the constants.
  SetNode(ExpressionNodePtr left, std::shared_ptr<const ConstantSet> set, bool negated,
          std::string_view right);
  static std::string TextOf(const ExpressionNode& left, bool negated, std::string_view right);

 private:
  ExpressionNodePtr RebuildIn(ExpressionBuilder& builder) const override;
  ColumnPtr Compute(EvaluationFrame& frame) const override;

  // What the text says of the constants, which may be long.
  std::string_view right() const;

  const bool negated_;
};

// (a, b) IN (rows of a subquery): the set holds the RowKeys of the rows.
class RowSetNode final : public ExpressionNode {
 public:
  // `right` is what the text of the node says of the rows.
  RowSetNode(std::vector<ExpressionNodePtr> left, std::shared_ptr<const ConstantSet> rows,
             std::string_view right);

 private:
  ExpressionNodePtr RebuildIn(ExpressionBuilder& builder) const override;
  ColumnPtr Compute(EvaluationFrame& frame) const override;

  static std::string TextOf(const std::vector<ExpressionNodePtr>& left, std::string_view right);
  std::string_view right() const;

  const std::shared_ptr<const ConstantSet> rows_;
};

// A call of `if`, `multiIf`, `and` or `or` of which a later argument may fail: each argument is
// evaluated only for the rows that the earlier ones leave to it.
class ConditionalNode final : public ExpressionNode {
 public:
  ConditionalNode(std::string name, DataType type, std::vector<ExpressionNodePtr> arguments,
                  std::string text);

 private:
  ExpressionNodePtr RebuildIn(ExpressionBuilder& builder) const override;
  ColumnPtr Compute(EvaluationFrame& frame) const override;
  ColumnPtr ComputeBranches(EvaluationFrame& frame) const;
  // `and` goes on with the rows for which an argument is true, `or` with the others.
  ColumnPtr ComputeLogic(EvaluationFrame& frame, bool goes_on_with) const;
};

// The body of a lambda, evaluated for the elements of all arrays, many at once.
struct LambdaBody {
  std::vector<std::string> parameters;  // columns of the body's block, one per array
  ExpressionNodePtr root;
  size_t slots = 0;
  std::vector<std::string> captured;  // columns of the outer block that the body reads
};

// A call of a higher-order function with a lambda: f(x -> body, arrays...).
class LambdaNode final : public ExpressionNode {
 public:
  LambdaNode(std::string name, Function function, LambdaBody lambda,
             std::vector<ExpressionNodePtr> arguments, std::string text);

 private:
  ExpressionNodePtr RebuildIn(ExpressionBuilder& builder) const override;
  ColumnPtr Compute(EvaluationFrame& frame) const override;
  // The lambda's results for all elements, as an array column of the shape of the arrays.
  ColumnPtr ComputeLambda(const Block& block, const std::vector<ColumnPtr>& arrays) const;
  // Those for elements from `first` on; rows[i] is the row of the block that element `first` + i
  // belongs to.
  ColumnPtr ComputeElements(const Block& block, const std::vector<ColumnPtr>& arrays,
                            std::span<const uint32_t> rows, size_t first) const;

  Function function_;
  LambdaBody lambda_;
};

}  // namespace granary
