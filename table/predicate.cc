#include "granary/table/predicate.h"

#include <algorithm>
#include <cmath>

namespace granary {
namespace {

bool IsNan(const Value& value) { return value.is_float() && std::isnan(value.as_double()); }

Verdict Negated(Verdict verdict) { return {verdict.can_be_false, verdict.can_be_true}; }

bool Below(const std::optional<Value>& end, const Value& value) {
  return end && CompareValues(*end, value) < 0;
}

bool Above(const std::optional<Value>& end, const Value& value) {
  return end && CompareValues(*end, value) > 0;
}

bool Outside(const ValueRange& range, const Value& value) {
  return Above(range.min, value) || Below(range.max, value);
}

bool IsSingle(const ValueRange& range, const Value& value) {
  return range.min && range.max && CompareValues(*range.min, value) == 0 &&
         CompareValues(*range.max, value) == 0;
}

Verdict JudgeEqual(const ValueRange& range, const Value& value) {
  return {!Outside(range, value), !IsSingle(range, value)};
}

// left < value, or left <= value.
Verdict JudgeLess(const ValueRange& range, const Value& value, bool or_equal) {
  const int min = range.min ? CompareValues(*range.min, value) : -1;
  const int max = range.max ? CompareValues(*range.max, value) : 1;
  return or_equal ? Verdict{min <= 0, max > 0} : Verdict{min < 0, max >= 0};
}

// `values` is sorted.
Verdict JudgeIn(const ValueRange& range, const std::vector<Value>& values) {
  const auto less = [](const Value& a, const Value& b) { return CompareValues(a, b) < 0; };
  auto first = values.begin();
  if (range.min) first = std::lower_bound(values.begin(), values.end(), *range.min, less);
  const bool can_be_true = first != values.end() && !Below(range.max, *first);
  return {can_be_true, !can_be_true || !IsSingle(range, *first)};
}

Verdict JudgeStartsWith(const ValueRange& range, const Value& value) {
  if (!value.is_string()) return {};
  const std::string& prefix = value.as_string();
  const bool max_below =
      range.max && range.max->is_string() && CompareValues(*range.max, value) < 0;
  const bool min_beyond = range.min && range.min->is_string() &&
                          range.min->as_string().compare(0, prefix.size(), prefix) > 0;
  return {!max_below && !min_beyond, true};
}

// Only of one array can it be said what it has.
Verdict JudgeHas(const ValueRange& range, const Value& value) {
  if (!range.min || !range.max || !range.min->is_array() || !(*range.min == *range.max)) return {};
  const ValueArray& elements = range.min->as_array();
  const bool has = std::find(elements.begin(), elements.end(), value) != elements.end();
  return {.can_be_true = has, .can_be_false = !has};
}

bool HasNan(const PredicateAtom& atom) {
  return std::any_of(atom.constants.begin(), atom.constants.end(), IsNan);
}

}  // namespace

Predicate Predicate::False() {
  Predicate predicate;
  predicate.kind_ = Kind::kFalse;
  return predicate;
}

Predicate Predicate::Opaque() {
  Predicate predicate;
  predicate.kind_ = Kind::kOpaque;
  return predicate;
}

Predicate Predicate::Atom(PredicateAtom atom) {
  Predicate predicate;
  predicate.kind_ = Kind::kAtom;
  predicate.atom_ = std::make_shared<const PredicateAtom>(std::move(atom));
  return predicate;
}

Predicate Predicate::And(std::vector<Predicate> children) {
  std::erase_if(children, [](const Predicate& child) { return child.is_always_true(); });
  if (children.empty()) return {};
  if (children.size() == 1) return std::move(children[0]);
  Predicate predicate;
  predicate.kind_ = Kind::kAnd;
  predicate.children_ = std::move(children);
  return predicate;
}

Predicate Predicate::Or(std::vector<Predicate> children) {
  std::erase_if(children, [](const Predicate& child) { return child.kind() == Kind::kFalse; });
  if (children.empty()) return False();
  if (children.size() == 1) return std::move(children[0]);
  Predicate predicate;
  predicate.kind_ = Kind::kOr;
  predicate.children_ = std::move(children);
  return predicate;
}

Predicate Predicate::Not(Predicate child) {
  if (child.kind() == Kind::kTrue) return False();
  if (child.kind() == Kind::kFalse) return {};
  Predicate predicate;
  predicate.kind_ = Kind::kNot;
  predicate.children_.push_back(std::move(child));
  return predicate;
}

Verdict Predicate::Judge(const std::function<Verdict(const PredicateAtom&)>& judge) const {
  switch (kind_) {
    case Kind::kTrue:
      return {true, false};
    case Kind::kFalse:
      return {false, true};
    case Kind::kOpaque:
      return {true, true};
    case Kind::kAtom:
      return judge(*atom_);
    case Kind::kNot:
      return Negated(children_[0].Judge(judge));
    case Kind::kAnd:
    case Kind::kOr:
      break;
  }
  const bool is_and = kind_ == Kind::kAnd;
  Verdict all{is_and, !is_and};
  for (const Predicate& child : children_) {
    const Verdict verdict = child.Judge(judge);
    all.can_be_true =
        is_and ? all.can_be_true && verdict.can_be_true : all.can_be_true || verdict.can_be_true;
    all.can_be_false = is_and ? all.can_be_false || verdict.can_be_false
                              : all.can_be_false && verdict.can_be_false;
  }
  return all;
}

bool Predicate::Mentions(std::string_view expression) const {
  if (kind_ == Kind::kAtom) return atom_->expression == expression;
  return std::any_of(children_.begin(), children_.end(),
                     [&](const Predicate& child) { return child.Mentions(expression); });
}

Verdict JudgeRange(const PredicateAtom& atom, const ValueRange& range) {
  const bool nan_end = (range.min && IsNan(*range.min)) || (range.max && IsNan(*range.max));
  if (nan_end || HasNan(atom)) return {};
  if (atom.op == PredicateOp::kIn) return JudgeIn(range, atom.constants);
  if (atom.op == PredicateOp::kNotIn) return Negated(JudgeIn(range, atom.constants));
  const Value& value = atom.constants.at(0);
  switch (atom.op) {
    case PredicateOp::kEqual:
      return JudgeEqual(range, value);
    case PredicateOp::kNotEqual:
      return Negated(JudgeEqual(range, value));
    case PredicateOp::kLess:
      return JudgeLess(range, value, false);
    case PredicateOp::kLessOrEqual:
      return JudgeLess(range, value, true);
    case PredicateOp::kGreater:
      return Negated(JudgeLess(range, value, true));
    case PredicateOp::kGreaterOrEqual:
      return Negated(JudgeLess(range, value, false));
    case PredicateOp::kStartsWith:
      return JudgeStartsWith(range, value);
    case PredicateOp::kHas:
      return JudgeHas(range, value);
    case PredicateOp::kIn:
    case PredicateOp::kNotIn:
      break;
  }
  return {};
}

}  // namespace granary
