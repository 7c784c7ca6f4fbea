// Cuts a statement whose answers differ down to the part that differs on its own.
#pragma once

#include <functional>
#include <string>

#include "../answer.h"
#include "expression.h"

namespace granary::differential {

struct Verdict {
  Statement statement;
  std::string outcome;  // of CompareAnswers; empty: the answers agree
  Answer ours;
  Answer theirs;
};

class Reduction {
 public:
  using Check = std::function<Verdict(const Statement&)>;
  using AskOurs = std::function<Answer(const Statement&)>;

  // `check` runs a statement in both, `ask_ours` in Granary only.
  Reduction(Check check, AskOurs ask_ours)
      : check_(std::move(check)), ask_ours_(std::move(ask_ours)) {}

  // The verdict on the smallest statement found, which differs.
  Verdict Reduce(const Query& query, const Verdict& verdict) const;

 private:
  // Differs if the expression does, as `SELECT expression`.
  Verdict ReduceExpression(const ExprPtr& expression) const;
  // The expression over the values that its arguments have in one row.
  Verdict WithValues(const ExprPtr& expression, const Verdict& verdict) const;

  Check check_;
  AskOurs ask_ours_;
};

}  // namespace granary::differential
