// What stands in FROM: a stored table, a view, a system table, a table function, a subquery or
// EXPLAIN.
#pragma once

#include <string>
#include <vector>

#include "granary/query/planning/planner.h"

namespace granary {

struct Source {
  Header columns;
  std::vector<std::string> qualifiers;  // what may stand before a column name and a dot
  TablePtr table;                       // a stored table, or null
  PlanPtr plan;                         // for everything else
  std::string alias;                    // in FROM

  // The alias, or else the first of the qualifiers, of which there is one.
  const std::string& shown_qualifier() const { return alias.empty() ? qualifiers.front() : alias; }
};

// Throws UNKNOWN_TABLE, UNKNOWN_DATABASE, NOT_IMPLEMENTED (FINAL, unknown table functions), ...
Source ResolveSource(const sql::TableExpression& expression, Planner& planner,
                     const PlannerScope& scope);

// A stored table by its name in a statement; only the database `default` has any. Throws
// UNKNOWN_TABLE, UNKNOWN_DATABASE, and of_view, NOT_IMPLEMENTED unless told, if it is a view.
TablePtr ResolveTable(const sql::TableName& name, StatementContext& context,
                      ErrorCode of_view = ErrorCode::kNotImplemented);
// The same, or a view.
TablePtr ResolveTableOrView(const sql::TableName& name, StatementContext& context);
// Throws UNKNOWN_DATABASE unless `database` is empty or `default`.
void CheckDatabase(const std::string& database);

}  // namespace granary
