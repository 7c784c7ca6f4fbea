#include "granary/query/expressions/expression_node_kinds.h"

#include <algorithm>
#include <numeric>

#include "granary/query/functions/array_rows.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/constant_set.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/row_bytes.h"
#include "granary/query/functions/row_selection.h"
#include "granary/table/stack_guard.h"

namespace granary {

ExpressionNode::ExpressionNode(Kind kind, DataType type, std::string text)
    : kind_(kind), type_(std::move(type)), text_(std::move(text)) {}

namespace {

void AddEach(const std::vector<std::string>& names, std::vector<std::string>& all) {
  for (const std::string& name : names) {
    if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
  }
}

}  // namespace

void ExpressionNode::InheritFrom(const ExpressionNode& child) {
  can_fail_ |= child.can_fail_;
  is_deterministic_ &= child.is_deterministic_;
  AddEach(child.required_columns_, required_columns_);
  InheritParameters(child);
}

void ExpressionNode::InheritParameters(const ExpressionNode& source) {
  AddEach(source.parameters_, parameters_);
}

const ColumnPtr& EvaluationFrame::Evaluate(const ExpressionNode& node) {
  ColumnPtr& result = results_[node.slot_];
  if (result == nullptr) {
    CheckStack();
    CheckTaskCancelled();
    result = shared_ == nullptr ? node.Compute(*this) : EvaluateShared(node);
  }
  return result;
}

ColumnPtr EvaluationFrame::EvaluateShared(const ExpressionNode& node) {
  const auto number = shared_->numbers.find(&node);
  if (number == shared_->numbers.end()) return node.Compute(*this);
  ColumnPtr& result = shared_->results[number->second];
  if (result == nullptr) result = node.Compute(*this);
  return result;
}

std::vector<ColumnPtr> EvaluationFrame::Evaluate(const std::vector<ExpressionNodePtr>& nodes) {
  std::vector<ColumnPtr> columns;
  columns.reserve(nodes.size());
  for (const ExpressionNodePtr& node : nodes) columns.push_back(Evaluate(*node));
  return columns;
}

// ColumnNode

ColumnNode::ColumnNode(std::string column, DataType type, std::string text)
    : ExpressionNode(Kind::kColumn, std::move(type), std::move(text)) {
  name_ = std::move(column);
  required_columns_.push_back(name_);
}

ColumnPtr ColumnNode::Compute(EvaluationFrame& frame) const { return frame.block().Get(name_); }

// ConstantNode

ConstantNode::ConstantNode(ColumnPtr value, std::string text, std::string parameter)
    : ExpressionNode(Kind::kConstant, value->type(), std::move(text)) {
  constant_ = std::move(value);
  parameter_ = std::move(parameter);
  if (!parameter_.empty()) parameters_.push_back(parameter_);
}

ColumnPtr ConstantNode::Compute(EvaluationFrame& frame) const {
  return std::make_shared<ConstantColumn>(constant_, frame.rows());
}

// CallNode

CallNode::CallNode(std::string name, Function function, std::vector<ExpressionNodePtr> arguments,
                   bool is_deterministic, std::string text)
    : ExpressionNode(Kind::kCall, function.result_type(), std::move(text)),
      function_(std::move(function)) {
  name_ = std::move(name);
  arguments_ = std::move(arguments);
  can_fail_ = function_.can_fail();
  is_deterministic_ = is_deterministic;
  for (const ExpressionNodePtr& argument : arguments_) InheritFrom(*argument);
}

ColumnPtr CallNode::Compute(EvaluationFrame& frame) const {
  return function_.Execute(frame.Evaluate(arguments_), frame.rows());
}

// SetNode

SetNode::SetNode(ExpressionNodePtr left, std::shared_ptr<const ConstantSet> set, bool negated,
                 std::string_view right)
    : ExpressionNode(Kind::kCall, TypeId::kUInt8, TextOf(*left, negated, right)),
      negated_(negated) {
  name_ = negated ? "notIn" : "in";
  set_ = std::move(set);
  InheritFrom(*left);
  arguments_.push_back(std::move(left));
}

std::string SetNode::TextOf(const ExpressionNode& left, bool negated, std::string_view right) {
  std::string text = negated ? "notIn(" : "in(";
  text.reserve(text.size() + left.text().size() + right.size() + 3);
  text += left.text();
  text += ", ";
  text += right;
  return text += ')';
}

std::string_view SetNode::right() const {
  const std::string_view whole = text();
  const size_t begin = TextOf(*arguments_[0], negated_, "").size() - 1;
  return whole.substr(begin, whole.size() - begin - 1);
}

ColumnPtr SetNode::Compute(EvaluationFrame& frame) const {
  return set_->Contains(*frame.Evaluate(*arguments_[0]), negated_);
}

// RowSetNode

std::string RowSetNode::TextOf(const std::vector<ExpressionNodePtr>& left, std::string_view right) {
  std::string text = "in(tuple(";
  for (const ExpressionNodePtr& element : left) {
    if (&element != &left.front()) text += ", ";
    text += element->text();
  }
  text += "), ";
  text += right;
  return text + ")";
}

std::string_view RowSetNode::right() const {
  const std::string_view whole = text();
  const size_t begin = TextOf(arguments_, "").size() - 1;
  return whole.substr(begin, whole.size() - begin - 1);
}

RowSetNode::RowSetNode(std::vector<ExpressionNodePtr> left, std::shared_ptr<const ConstantSet> rows,
                       std::string_view right)
    : ExpressionNode(Kind::kCall, TypeId::kUInt8, TextOf(left, right)), rows_(std::move(rows)) {
  name_ = "tupleIn";
  arguments_ = std::move(left);
  for (const ExpressionNodePtr& element : arguments_) InheritFrom(*element);
}

ColumnPtr RowSetNode::Compute(EvaluationFrame& frame) const {
  const ColumnPtr keys = RowKeys(frame.Evaluate(arguments_), frame.rows());
  return rows_->Contains(*keys, /*negated=*/false);
}

// ConditionalNode

namespace {

std::vector<uint32_t> AllRows(size_t rows) {
  std::vector<uint32_t> numbers(rows);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// The node's column for some rows (ascending) of the frame's block.
ColumnPtr EvaluateRows(EvaluationFrame& frame, const ExpressionNode& node,
                       const std::vector<uint32_t>& rows) {
  if (rows.size() == frame.rows()) return frame.Evaluate(node);
  Block block(rows.size());
  for (const std::string& column : node.required_columns()) {
    block.Add(column, frame.block().Get(column)->Gather(rows));
  }
  EvaluationFrame inner(block, frame.slots());
  return inner.Evaluate(node);
}

// Moves the rows for which `mask` is 1 into the second list, in place.
void Partition(const std::vector<uint8_t>& mask, std::vector<uint32_t>& rows,
               std::vector<uint32_t>& moved) {
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (mask[i]) {
      moved.push_back(rows[i]);
    } else {
      rows[kept++] = rows[i];
    }
  }
  rows.resize(kept);
}

}  // namespace

ConditionalNode::ConditionalNode(std::string name, DataType type,
                                 std::vector<ExpressionNodePtr> arguments, std::string text)
    : ExpressionNode(Kind::kCall, std::move(type), std::move(text)) {
  name_ = std::move(name);
  arguments_ = std::move(arguments);
  for (const ExpressionNodePtr& argument : arguments_) InheritFrom(*argument);
}

ColumnPtr ConditionalNode::Compute(EvaluationFrame& frame) const {
  if (name_ == "and") return ComputeLogic(frame, true);
  if (name_ == "or") return ComputeLogic(frame, false);
  return ComputeBranches(frame);
}

ColumnPtr ConditionalNode::ComputeLogic(EvaluationFrame& frame, bool goes_on_with) const {
  std::vector<uint32_t> rows = AllRows(frame.rows());
  std::vector<uint8_t> decided(frame.rows(), goes_on_with ? 1 : 0), mask;
  for (const ExpressionNodePtr& argument : arguments_) {
    mask.resize(rows.size());
    ReadTruth(*EvaluateRows(frame, *argument, rows), mask);
    for (uint8_t& is_final : mask) is_final = is_final != static_cast<uint8_t>(goes_on_with);
    std::vector<uint32_t> final_rows;
    Partition(mask, rows, final_rows);
    for (const uint32_t row : final_rows) decided[row] = !goes_on_with;
    if (rows.empty()) break;
  }
  return std::make_shared<NumberColumn<uint8_t>>(type_, std::move(decided));
}

ColumnPtr ConditionalNode::ComputeBranches(EvaluationFrame& frame) const {
  std::vector<uint32_t> rest = AllRows(frame.rows()), position(frame.rows());
  std::vector<ColumnPtr> results;
  uint32_t results_rows = 0;
  const auto take_branch = [&](const ExpressionNode& branch, const std::vector<uint32_t>& rows) {
    if (rows.empty()) return;
    results.push_back(CastColumn(EvaluateRows(frame, branch, rows), type_));
    for (const uint32_t row : rows) position[row] = results_rows++;
  };
  for (size_t i = 0; i + 1 < arguments_.size() && !rest.empty(); i += 2) {
    std::vector<uint8_t> mask(rest.size());
    ReadTruth(*EvaluateRows(frame, *arguments_[i], rest), mask);
    std::vector<uint32_t> taken;
    Partition(mask, rest, taken);
    take_branch(*arguments_[i + 1], taken);
  }
  take_branch(*arguments_.back(), rest);
  return Concatenate(type_, results)->Gather(position);
}

// LambdaNode

namespace {

// So that what a body needs for itself is bounded, and it notices when it is cancelled.
constexpr size_t kLambdaElementsAtOnce = size_t{1} << 16;

}  // namespace

LambdaNode::LambdaNode(std::string name, Function function, LambdaBody lambda,
                       std::vector<ExpressionNodePtr> arguments, std::string text)
    : ExpressionNode(Kind::kCall, function.result_type(), std::move(text)),
      function_(std::move(function)),
      lambda_(std::move(lambda)) {
  name_ = std::move(name);
  arguments_ = std::move(arguments);
  can_fail_ = function_.can_fail() || lambda_.root->can_fail() || arguments_.size() > 1;
  is_deterministic_ = lambda_.root->is_deterministic();
  for (const ExpressionNodePtr& argument : arguments_) InheritFrom(*argument);
  AddEach(lambda_.captured, required_columns_);
  InheritParameters(*lambda_.root);
}

ColumnPtr LambdaNode::ComputeElements(const Block& block, const std::vector<ColumnPtr>& arrays,
                                      std::span<const uint32_t> rows, size_t first) const {
  Block elements(rows.size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    elements.Add(lambda_.parameters[i], AsArrays(*arrays[i]).elements()->Slice(first, rows.size()));
  }
  for (const std::string& column : lambda_.captured) {
    elements.Add(column, block.Get(column)->Gather(rows));
  }
  EvaluationFrame frame(elements, lambda_.slots);
  return frame.Evaluate(*lambda_.root)->Materialize();
}

ColumnPtr LambdaNode::ComputeLambda(const Block& block,
                                    const std::vector<ColumnPtr>& arrays) const {
  const ArrayColumn& first = AsArrays(*arrays[0]);
  for (size_t i = 1; i < arrays.size(); ++i) {
    RequireEqualLengths(first, AsArrays(*arrays[i]), name_);
  }
  const ChargedVector<uint32_t> rows = RowsOfElements(first);
  ColumnPtr results;
  if (rows.size() <= kLambdaElementsAtOnce) {
    results = ComputeElements(block, arrays, rows, 0);
  } else {
    const auto builder = ColumnBuilder::Create(lambda_.root->type());
    builder->Reserve(rows.size());
    for (size_t begin = 0; begin < rows.size(); begin += kLambdaElementsAtOnce) {
      const size_t count = std::min(kLambdaElementsAtOnce, rows.size() - begin);
      const ColumnPtr some =
          ComputeElements(block, arrays, std::span(rows).subspan(begin, count), begin);
      builder->AppendRange(*some, 0, count);
    }
    results = builder->Finish();
  }
  return std::make_shared<ArrayColumn>(results, arrays[0], first.end_offsets(), first.size(), 0);
}

ColumnPtr LambdaNode::Compute(EvaluationFrame& frame) const {
  std::vector<ColumnPtr> arguments = frame.Evaluate(arguments_);
  for (ColumnPtr& array : arguments) array = DenseArrays(array, array->type().element());
  arguments.insert(arguments.begin(), ComputeLambda(frame.block(), arguments));
  return function_.Execute(arguments, frame.rows());
}

}  // namespace granary
