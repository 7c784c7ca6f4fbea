// The typed tree of a compiled expression: names are resolved, types known, constants folded,
// aliases, parameters and subqueries replaced by what they stand for. The planner reads it to find
// out what an expression is about (a distance of a column to a constant, a comparison that an index
// understands); evaluation goes through CompiledExpression.
//
// Nodes are immutable and shared: one node for each distinct text within an expression, evaluated
// once per block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/table/block.h"

namespace granary {

class ConstantSet;
class EvaluationFrame;
class ExpressionBuilder;
class ExpressionNode;
using ExpressionNodePtr = std::shared_ptr<const ExpressionNode>;

class ExpressionNode {
 public:
  // That of the statement, as now() has it; not what a parameter can be called.
  static constexpr const char* kInstant = "now()";

  enum class Kind : uint8_t { kColumn, kConstant, kCall };

  virtual ~ExpressionNode() = default;
  ExpressionNode(const ExpressionNode&) = delete;
  ExpressionNode& operator=(const ExpressionNode&) = delete;

  Kind kind() const { return kind_; }
  const DataType& type() const { return type_; }
  // Canonical text: functions as calls under their canonical names. Equal texts mean equal
  // expressions.
  const std::string& text() const { return text_; }
  // Of a column its name in the block, of a call the canonical name of the function.
  const std::string& name() const { return name_; }
  // Of a call. A lambda is not among them; what a lambda reads of the block is in
  // required_columns().
  const std::vector<ExpressionNodePtr>& arguments() const { return arguments_; }

  // Of a constant: its value as a column of one row; null for other kinds.
  const ColumnPtr& constant() const { return constant_; }
  // The query parameter that the constant stands for, or empty.
  const std::string& parameter() const { return parameter_; }
  // Of a call of `in` or `notIn` (whose only argument is the left side); else null.
  const std::shared_ptr<const ConstantSet>& set() const { return set_; }

  // Whether evaluating it may throw because of a row's values.
  bool can_fail() const { return can_fail_; }
  // Whether the same block always gives the same result (no rand, no now outside a statement).
  bool is_deterministic() const { return is_deterministic_; }
  // Columns of the block, each once, in order of first use.
  const std::vector<std::string>& required_columns() const { return required_columns_; }
  // Query parameters whose values are part of it, each once: with others it is another expression.
  // kInstant is among them if it is one of this statement alone.
  const std::vector<std::string>& parameters() const { return parameters_; }
  // For whoever makes the node: takes over those of what its values were computed from.
  void InheritParameters(const ExpressionNode& source);

  bool IsCallOf(std::string_view function) const {
    return kind_ == Kind::kCall && name_ == function;
  }

 protected:
  friend class EvaluationFrame;
  friend class ExpressionBuilder;
  ExpressionNode(Kind kind, DataType type, std::string text);

  // The same expression as a node of the builder's, its columns defined by other expressions or
  // in other blocks than here.
  virtual std::shared_ptr<const ExpressionNode> RebuildIn(ExpressionBuilder& builder) const = 0;
  // The column for the rows of the frame's block. Called once per frame.
  virtual ColumnPtr Compute(EvaluationFrame& frame) const = 0;
  // Takes over what the children say of failing, determinism, columns and parameters.
  void InheritFrom(const ExpressionNode& child);

  const Kind kind_;
  const DataType type_;
  const std::string text_;
  std::string name_;
  std::vector<ExpressionNodePtr> arguments_;
  ColumnPtr constant_;
  std::string parameter_;
  std::shared_ptr<const ConstantSet> set_;
  bool can_fail_ = false;
  bool is_deterministic_ = true;
  std::vector<std::string> required_columns_;
  std::vector<std::string> parameters_;
  size_t slot_ = 0;  // of the result in a frame
};

}  // namespace granary
