// Table functions: numbers([first,] count), file('name'[, format[, structure]]),
// vectorSearchRecall(table, index[, k[, samples[, seed]]]).
#pragma once

#include <string>

#include "granary/query/plan/plan.h"
#include "granary/query/planning/planner.h"
#include "granary/query/sql/ast.h"

namespace granary {

// The plan that reads a table function. Throws UNKNOWN_FUNCTION, and for the arguments
// NUMBER_OF_ARGUMENTS_DOESNT_MATCH, BAD_ARGUMENTS, PATH_ACCESS_DENIED, ...
PlanPtr PlanTableFunction(const sql::Function& function, const PlannerScope& scope);

// The value of an argument. Throws BAD_ARGUMENTS if it is not constant.
TypedValue ConstantArgument(const sql::ExprPtr& argument, const PlannerScope& scope);

// first, first + step, ...; `count` numbers in a column `name` of type UInt64.
PlanPtr NumbersPlan(std::string name, uint64_t first, uint64_t count, uint64_t step);

// Where a file that SQL names lies, if SQL may open it. Throws PATH_ACCESS_DENIED, which names
// user_files_path.
std::string ResolveUserFile(const std::string& name, StatementContext& context);

}  // namespace granary
