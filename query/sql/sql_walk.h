// Visiting every expression of a statement.
#pragma once

#include <functional>
#include <vector>

#include "granary/query/sql/ast.h"

namespace granary {

// Calls `visit` on each expression of a query, parents before children, subqueries included.
void VisitExpressions(const sql::Query& query, const std::function<void(const sql::Expr&)>& visit);

// The placeholders {name:Type} of a query, the first of each name, in the order of the text;
// subqueries included. They live as long as the query.
std::vector<const sql::QueryParameter*> FindPlaceholders(const sql::Query& query);

// Elements of the query's syntax tree as max_ast_elements counts them: SELECTs and expressions,
// those of subqueries included; a list of literals is one.
size_t CountElements(const sql::Query& query);
// Those of the query alone, without what its subqueries and WITH queries consist of.
size_t CountOwnElements(const sql::Query& query);

// Bytes that the query's syntax tree holds, about: what is charged for one that is kept.
size_t TreeBytes(const sql::Query& query);

}  // namespace granary
