#include "granary/query/expressions/predicate_lowering.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "granary/query/functions/constant_set.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/like_pattern.h"
#include "granary/query/functions/row_selection.h"
#include "granary/table/stack_guard.h"

namespace granary {
namespace {

// Longer IN lists are lowered to the range of their values.
constexpr size_t kInListMax = 10000;

bool HoldsNan(const Value& value) {
  if (value.is_float()) return std::isnan(value.as_double());
  return value.is_array() &&
         std::any_of(value.as_array().begin(), value.as_array().end(), HoldsNan);
}

Predicate MakeAtom(const ExpressionNode& left, PredicateOp op, std::vector<Value> constants) {
  if (!left.is_deterministic() || std::any_of(constants.begin(), constants.end(), HoldsNan)) {
    return Predicate::Opaque();
  }
  return Predicate::Atom({left.text(), op, std::move(constants)});
}

std::optional<PredicateOp> ComparisonOp(std::string_view function, bool swapped) {
  if (function == "equals") return PredicateOp::kEqual;
  if (function == "notEquals") return PredicateOp::kNotEqual;
  if (function == "less") return swapped ? PredicateOp::kGreater : PredicateOp::kLess;
  if (function == "greater") return swapped ? PredicateOp::kLess : PredicateOp::kGreater;
  if (function == "lessOrEquals") {
    return swapped ? PredicateOp::kGreaterOrEqual : PredicateOp::kLessOrEqual;
  }
  if (function == "greaterOrEquals") {
    return swapped ? PredicateOp::kLessOrEqual : PredicateOp::kGreaterOrEqual;
  }
  return std::nullopt;
}

// The constant as a Value that compares with values of `type`; nothing if only the function itself
// can compare them.
std::optional<Value> ComparableValue(const ColumnPtr& constant, const DataType& type) {
  const DataType& from = constant->type();
  const bool both_numbers = IsConditionType(from) && IsConditionType(type);
  if (from == type || both_numbers) return constant->ValueAt(0);
  const bool is_time_and_number = type.id() == TypeId::kDateTime && from.is_number();
  if (is_time_and_number) return constant->ValueAt(0);
  try {
    const ColumnPtr value = ConvertExactly(constant, type);
    if (value != nullptr) return value->ValueAt(0);
  } catch (const Error&) {
    // The comparison itself reports it, if it is ever evaluated.
  }
  return std::nullopt;
}

std::optional<Predicate> LowerComparison(const ExpressionNode& node) {
  const auto& arguments = node.arguments();
  if (arguments.size() != 2) return std::nullopt;
  const bool swapped = arguments[0]->constant() != nullptr;
  const std::optional<PredicateOp> op = ComparisonOp(node.name(), swapped);
  const ExpressionNode& left = *arguments[swapped ? 1 : 0];
  const ColumnPtr& constant = arguments[swapped ? 0 : 1]->constant();
  if (!op || constant == nullptr) return std::nullopt;
  std::optional<Value> value = ComparableValue(constant, left.type());
  if (!value) return Predicate::Opaque();
  return MakeAtom(left, *op, {std::move(*value)});
}

Predicate LowerSet(const ExpressionNode& node) {
  const ExpressionNode& left = *node.arguments()[0];
  const ColumnPtr& values = node.set()->values();
  const bool negated = node.name() == "notIn";
  if (values->size() == 0) return negated ? Predicate() : Predicate::False();
  if (values->size() > kInListMax) {
    if (negated) return Predicate::Opaque();
    std::vector<Predicate> ends;
    ends.push_back(MakeAtom(left, PredicateOp::kGreaterOrEqual, {values->ValueAt(0)}));
    ends.push_back(
        MakeAtom(left, PredicateOp::kLessOrEqual, {values->ValueAt(values->size() - 1)}));
    ends.push_back(Predicate::Opaque());
    return Predicate::And(std::move(ends));
  }
  std::vector<Value> constants;
  for (size_t i = 0; i < values->size(); ++i) constants.push_back(values->ValueAt(i));
  return MakeAtom(left, negated ? PredicateOp::kNotIn : PredicateOp::kIn, std::move(constants));
}

Predicate LowerLike(const ExpressionNode& node) {
  const ColumnPtr& pattern = node.arguments()[1]->constant();
  if (pattern == nullptr) return Predicate::Opaque();
  const LikePrefix prefix = PrefixOfLike(pattern->ValueAt(0).as_string());
  const ExpressionNode& left = *node.arguments()[0];
  switch (prefix.rest) {
    case LikePrefix::Rest::kNothing:
      return MakeAtom(left, PredicateOp::kEqual, {prefix.text});
    case LikePrefix::Rest::kAnything:
      return MakeAtom(left, PredicateOp::kStartsWith, {prefix.text});
    case LikePrefix::Rest::kMore:
      break;
  }
  if (prefix.text.empty()) return Predicate::Opaque();
  std::vector<Predicate> both;
  both.push_back(MakeAtom(left, PredicateOp::kStartsWith, {prefix.text}));
  both.push_back(Predicate::Opaque());
  return Predicate::And(std::move(both));
}

// has, hasAny and hasAll of an array and constants.
Predicate LowerHas(const ExpressionNode& node) {
  const ExpressionNode& left = *node.arguments()[0];
  const ColumnPtr& constant = node.arguments()[1]->constant();
  if (constant == nullptr || !left.type().is_array()) return Predicate::Opaque();
  const auto has = [&](const ColumnPtr& one) {
    std::optional<Value> value = ComparableValue(one, left.type().element());
    return value ? MakeAtom(left, PredicateOp::kHas, {std::move(*value)}) : Predicate::Opaque();
  };
  if (node.name() == "has") return has(constant);
  const ColumnPtr row = constant->Materialize();
  const ArrayColumn& values = AsArrays(*row);
  std::vector<Predicate> each;
  for (uint64_t i = values.Begin(0); i < values.End(0); ++i) {
    each.push_back(has(values.elements()->Slice(i, 1)));
  }
  return node.name() == "hasAny" ? Predicate::Or(std::move(each)) : Predicate::And(std::move(each));
}

Predicate Lower(const ExpressionNode& node);

std::vector<Predicate> LowerAll(const std::vector<ExpressionNodePtr>& nodes) {
  std::vector<Predicate> predicates;
  for (const ExpressionNodePtr& node : nodes) predicates.push_back(Lower(*node));
  return predicates;
}

Predicate LowerCall(const ExpressionNode& node) {
  if (node.name() == "and") return Predicate::And(LowerAll(node.arguments()));
  if (node.name() == "or") return Predicate::Or(LowerAll(node.arguments()));
  if (node.name() == "not") return Predicate::Not(Lower(*node.arguments()[0]));
  if (node.set() != nullptr) return LowerSet(node);
  if (node.name() == "like") return LowerLike(node);
  if (node.name() == "notLike") return Predicate::Not(LowerLike(node));
  if (node.name() == "startsWith" && node.arguments()[1]->constant() != nullptr) {
    return MakeAtom(*node.arguments()[0], PredicateOp::kStartsWith,
                    {node.arguments()[1]->constant()->ValueAt(0)});
  }
  if (node.name() == "has" || node.name() == "hasAny" || node.name() == "hasAll") {
    return LowerHas(node);
  }
  if (std::optional<Predicate> comparison = LowerComparison(node)) return *comparison;
  return MakeAtom(node, PredicateOp::kNotEqual, {uint64_t{0}});
}

Predicate Lower(const ExpressionNode& node) {
  CheckStack();
  if (!IsConditionType(node.type())) return Predicate::Opaque();
  switch (node.kind()) {
    case ExpressionNode::Kind::kConstant: {
      uint8_t truth = 0;
      ReadTruth(*node.constant(), {&truth, 1});
      return truth ? Predicate() : Predicate::False();
    }
    case ExpressionNode::Kind::kColumn:
      return MakeAtom(node, PredicateOp::kNotEqual, {uint64_t{0}});
    case ExpressionNode::Kind::kCall:
      break;
  }
  return LowerCall(node);
}

}  // namespace

Predicate LowerPredicate(const CompiledExpression& condition) { return Lower(*condition.root()); }

}  // namespace granary
