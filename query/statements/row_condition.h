// WHERE of statements that change rows: DELETE, UPDATE and the mutations of ALTER TABLE.
#pragma once

#include "granary/query/engine/statement_context.h"
#include "granary/query/read/row_filter.h"
#include "granary/query/sql/ast.h"

namespace granary {

// What names mean in such a statement: the columns of the table, parameters, subqueries. Valid as
// long as the context.
ExpressionScope RowScope(const Table& table, StatementContext& context);

// Runs the subqueries of the condition. Throws what compiling throws.
RowFilter CompileRowFilter(const sql::ExprPtr& condition, const Table& table,
                           StatementContext& context);

}  // namespace granary
