#include "granary/query/planning/sources/source.h"

#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/query/engine/statement_context.h"
#include "granary/query/planning/explain.h"
#include "granary/query/planning/sources/system_tables.h"
#include "granary/query/planning/sources/table_functions.h"
#include "granary/query/planning/sources/views.h"

namespace granary {
namespace {

constexpr const char* kDefaultDatabase = "default";
constexpr const char* kSystemDatabase = "system";

Source FromTable(const TablePtr& table, StatementContext& context) {
  Source source;
  source.table = table;
  for (const ColumnDeclaration& column : context.Parts(*table)->schema->columns) {
    source.columns.push_back({column.name, column.type});
  }
  source.stored = source.columns;
  return source;
}

Source FromName(const sql::TableName& name, Planner& planner, const PlannerScope& scope,
                bool is_alone) {
  if (name.database.empty()) {
    const auto common = scope.common_tables.find(name.table);
    if (common != scope.common_tables.end()) {
      // A common table does not see itself.
      PlannerScope inner = scope;
      inner.common_tables.erase(name.table);
      Source source = QuerySource(*common->second, planner, inner, is_alone);
      source.qualifiers = {name.table};
      return source;
    }
  }
  if (name.database == kSystemDatabase) {
    Source source = SourceOf(PlanSystemTable(name.table));
    source.qualifiers = {name.table, name.database + "." + name.table};
    return source;
  }
  const TablePtr table = ResolveTableOrView(name, *scope.context);
  Source source = table->is_view ? ViewSource(table, nullptr, planner, scope, is_alone)
                                 : FromTable(table, *scope.context);
  source.qualifiers = {name.table, kDefaultDatabase + ("." + name.table)};
  return source;
}

// A view with parameters, or else a table function.
Source FromCall(const sql::TableExpression& expression, Planner& planner, const PlannerScope& scope,
                bool is_alone) {
  const sql::Function& call = *expression.function;
  if (const TablePtr view = FindView(expression, *scope.context)) {
    Source source = ViewSource(view, &call, planner, scope, is_alone);
    source.qualifiers = {view->name, kDefaultDatabase + ("." + view->name)};
    return source;
  }
  if (expression.function_database.empty()) return SourceOf(PlanTableFunction(call, scope));
  throw Error(ErrorCode::kUnknownFunction, "There is no view '" + call.name + "' in database '" +
                                               expression.function_database +
                                               "' that could be called");
}

}  // namespace

Source SourceOf(PlanPtr plan) {
  Source source;
  source.columns = plan->header();
  source.plan = std::move(plan);
  return source;
}

Source QuerySource(const sql::Query& query, Planner& planner, const PlannerScope& scope,
                   bool is_alone) {
  return is_alone ? planner.PlanSource(query, scope) : SourceOf(planner.PlanQuery(query, scope));
}

Source ResolveSource(const sql::TableExpression& expression, Planner& planner,
                     const PlannerScope& scope, bool is_alone) {
  if (expression.final) {
    throw Error(
        ErrorCode::kNotImplemented,
        "FINAL is not implemented; a MergeTree table has no rows to collapse, leave it out");
  }
  Source source;
  if (expression.table) {
    source = FromName(*expression.table, planner, scope, is_alone);
  } else if (expression.function) {
    source = FromCall(expression, planner, scope, is_alone);
  } else if (expression.subquery) {
    source = QuerySource(*expression.subquery, planner, scope, is_alone);
  } else {
    source = SourceOf(PlanExplain(*expression.explain, *scope.context));
  }
  source.alias = expression.alias;
  if (!expression.alias.empty()) source.qualifiers.push_back(expression.alias);
  return source;
}

void CheckDatabase(const std::string& database) {
  if (database.empty() || database == kDefaultDatabase) return;
  if (database == kSystemDatabase) {
    throw Error(ErrorCode::kUnknownTable,
                "Tables of the database system can only be read by SELECT and DESCRIBE");
  }
  throw Error(ErrorCode::kUnknownDatabase,
              "Database '" + database + "' does not exist; there are default and system");
}

TablePtr ResolveTable(const sql::TableName& name, StatementContext& context, ErrorCode of_view) {
  TablePtr table = ResolveTableOrView(name, context);
  if (!table->is_view) return table;
  throw Error(of_view, "'" + table->name +
                           "' is a view: it has no rows, indexes or settings of its own. Name the "
                           "table that it reads, or replace the view by CREATE OR REPLACE VIEW");
}

TablePtr ResolveTableOrView(const sql::TableName& name, StatementContext& context) {
  CheckDatabase(name.database);
  return context.engine().tables().Get(name.table);
}

}  // namespace granary
