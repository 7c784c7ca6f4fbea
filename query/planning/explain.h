// EXPLAIN: the plan of a query as text, in ClickHouse's legacy form; with indexes = 1 also what
// partition key, primary key and skip indexes left to read.
#pragma once

#include "granary/query/plan/plan.h"
#include "granary/query/sql/ast.h"

namespace granary {

// One row per line, column `explain`. Options: header, actions, indexes, description; others are
// UNKNOWN_SETTING. RECALL runs the nearest-neighbour searches of the query as planned and exactly;
// INCORRECT_QUERY if it has none. EXPLAIN AST and PIPELINE are NOT_IMPLEMENTED.
PlanPtr PlanExplain(const sql::ExplainStatement& statement, StatementContext& context);

}  // namespace granary
