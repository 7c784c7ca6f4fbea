// EXPLAIN: the plan of a query as text, in ClickHouse's legacy form; with indexes = 1 also what
// partition key, primary key and skip indexes left to read.
#pragma once

#include "granary/query/plan.h"
#include "granary/query/sql/ast.h"

namespace granary {

// One row per line, column `explain`. Options: header, actions, indexes, description; others are
// UNKNOWN_SETTING. EXPLAIN AST, PIPELINE and RECALL are NOT_IMPLEMENTED.
PlanPtr PlanExplain(const sql::ExplainStatement& statement, StatementContext& context);

}  // namespace granary
