// What is known of a WHERE clause below query/: a tree of AND, OR and NOT over comparisons of an
// expression with constants. Whatever query/ cannot lower is an opaque leaf, which may be true or
// false of any row. Primary key, partition values and pruning indexes ask it which ranges of rows
// cannot match; the full WHERE is always evaluated by query/ on the rows that remain.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/table/value.h"

namespace granary {

enum class PredicateOp : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kNotIn,
  kStartsWith,  // of a string; from LIKE 'abc%'
  kHas,         // of an array: one of its elements equals the constant
};

// One comparison. `expression` is the canonical text of the left side (Expression::text()), a
// column name in the simplest case. `constants` has one value, or for kIn and kNotIn a sorted list,
// all comparable with the left side (for kHas its elements) by CompareValues.
struct PredicateAtom {
  std::string expression;
  PredicateOp op = PredicateOp::kEqual;
  std::vector<Value> constants;
};

// What can be said of a predicate over a set of rows. {true, false}: true for every row.
struct Verdict {
  bool can_be_true = true;
  bool can_be_false = true;
};

class Predicate {
 public:
  enum class Kind : uint8_t { kTrue, kFalse, kOpaque, kAtom, kAnd, kOr, kNot };

  // Matches every row.
  Predicate() = default;
  static Predicate False();
  static Predicate Opaque();
  static Predicate Atom(PredicateAtom atom);
  static Predicate And(std::vector<Predicate> children);
  static Predicate Or(std::vector<Predicate> children);
  static Predicate Not(Predicate child);

  Kind kind() const { return kind_; }
  const PredicateAtom& atom() const { return *atom_; }
  const std::vector<Predicate>& children() const { return children_; }
  bool is_always_true() const { return kind_ == Kind::kTrue; }

  // Combines verdicts on the atoms; `judge` is asked about each atom and may answer {true, true}.
  Verdict Judge(const std::function<Verdict(const PredicateAtom&)>& judge) const;
  // Whether any atom's expression is `expression`.
  bool Mentions(std::string_view expression) const;

 private:
  Kind kind_ = Kind::kTrue;
  std::shared_ptr<const PredicateAtom> atom_;
  std::vector<Predicate> children_;
};

// A closed interval of values of one expression. A missing end is open to infinity.
struct ValueRange {
  std::optional<Value> min;
  std::optional<Value> max;
};

// The verdict on one atom over rows whose left side lies in `range`. Conservative for NaN: a range
// with a NaN end may hold anything.
Verdict JudgeRange(const PredicateAtom& atom, const ValueRange& range);

}  // namespace granary
