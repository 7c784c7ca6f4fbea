// The table function vectorSearchRecall(table, index[, k[, samples[, seed]]]).
#pragma once

#include "granary/query/planning/planner.h"

namespace granary {

// The plan of a call. Checks the arguments, table and index as opening it does. Throws
// UNKNOWN_TABLE, NUMBER_OF_ARGUMENTS_DOESNT_MATCH, BAD_ARGUMENTS (k or samples out of bounds), and
// what CheckRecallSampling throws.
PlanPtr PlanRecallSampling(const sql::Function& function, const PlannerScope& scope);

}  // namespace granary
