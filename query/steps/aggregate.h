// GROUP BY: hash aggregation. Each worker groups a contiguous run of the input with a hash table
// and states of its own; these are merged in the order of the runs, so that groups come out in
// order of first appearance and the result does not depend on timing.
#pragma once

#include <string>
#include <vector>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/plan/plan.h"
#include "granary/query/steps/plan_steps.h"

namespace granary {

class AggregateStep final : public PlanStep {
 public:
  // Delivers the keys under their names, then the results of the calls under their texts. Without
  // keys there is one row, also for an empty input.
  AggregateStep(PlanPtr input, std::vector<Projection> keys, std::vector<AggregateCall> calls);

  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  Block Aggregate(BlockStream& input, const TaskContext& task) const;

  std::vector<Projection> keys_;
  std::vector<AggregateCall> calls_;
};

}  // namespace granary
