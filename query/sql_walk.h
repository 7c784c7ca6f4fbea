// Visiting every expression of a statement.
#pragma once

#include <functional>

#include "granary/query/sql/ast.h"

namespace granary {

// Calls `visit` on each expression of a query, parents before children, subqueries included.
void VisitExpressions(const sql::Query& query, const std::function<void(const sql::Expr&)>& visit);

}  // namespace granary
