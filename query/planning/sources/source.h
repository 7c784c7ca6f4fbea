// What stands in FROM: a stored table, a view, a system table, a table function, a subquery or
// EXPLAIN.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "granary/query/planning/planner.h"
#include "granary/query/read/row_filter.h"

namespace granary {

struct Source {
  Header columns;                       // as the query that reads it sees them
  std::vector<std::string> qualifiers;  // what may stand before a column name and a dot
  TablePtr table;                       // a stored table, or null
  PlanPtr plan;                         // for everything else
  // Of a table: what is read of it. A subquery that computes columns of a table's rows is that
  // table; `definitions` has its columns as expressions over the table's, `filter` its WHERE.
  Header stored;
  std::map<std::string, CompiledExpressionPtr> definitions;
  RowFilter filter;
  std::string alias;  // in FROM

  // The alias, or else the first of the qualifiers, of which there is one.
  const std::string& shown_qualifier() const { return alias.empty() ? qualifiers.front() : alias; }
};

Source SourceOf(PlanPtr plan);
// A query as a source; `is_alone` as below.
Source QuerySource(const sql::Query& query, Planner& planner, const PlannerScope& scope,
                   bool is_alone);

// Throws UNKNOWN_TABLE, UNKNOWN_DATABASE, NOT_IMPLEMENTED (FINAL, unknown table functions), ...
// `is_alone`: nothing is joined to it, so that a subquery may be the table it reads.
Source ResolveSource(const sql::TableExpression& expression, Planner& planner,
                     const PlannerScope& scope, bool is_alone);

// A stored table by its name in a statement; only the database `default` has any. Throws
// UNKNOWN_TABLE, UNKNOWN_DATABASE, and of_view, NOT_IMPLEMENTED unless told, if it is a view.
TablePtr ResolveTable(const sql::TableName& name, StatementContext& context,
                      ErrorCode of_view = ErrorCode::kNotImplemented);
// The same, or a view.
TablePtr ResolveTableOrView(const sql::TableName& name, StatementContext& context);
// Throws UNKNOWN_DATABASE unless `database` is empty or `default`.
void CheckDatabase(const std::string& database);

}  // namespace granary
