// CREATE VIEW.
#include "granary/query/planning/sources/views.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/sql/sql_walk.h"
#include "granary/query/statements/statement.h"

namespace granary {
namespace {

using Columns = std::vector<sql::ColumnDefinition>;

void CheckColumns(const Columns& columns) {
  for (auto column = columns.begin(); column != columns.end(); ++column) {
    const bool is_twice = std::any_of(
        columns.begin(), column, [&](const auto& other) { return other.name == column->name; });
    if (is_twice) {
      throw Error(ErrorCode::kIllegalColumn,
                  "The view has two columns '" + column->name + "'; give them different names");
    }
    const bool is_plain =
        !column->default_expression && column->codecs.empty() && !column->primary_key;
    if (column->type.empty() || !is_plain) {
      throw Error(
          ErrorCode::kIncorrectQuery,
          "A column of a view has a name and a type, nothing else: see '" + column->name + "'");
    }
    DataType::Parse(column->type);
  }
}

// What the query gives, which is checked by planning it.
Columns ColumnsOfQuery(const sql::CreateViewStatement& view, StatementContext& context) {
  Planner planner(&context);
  Columns columns;
  const Source source = ViewQuerySource(view.view.table, view, planner, planner.TopScope(),
                                        /*is_alone=*/true);
  for (const HeaderColumn& column : source.columns) {
    columns.emplace_back().name = column.name;
    columns.back().type = column.type.name();
  }
  return columns;
}

// As it is stored. The columns of a view with parameters depend on their values.
sql::CreateViewStatement Canonical(const sql::CreateViewStatement& statement,
                                   StatementContext& context) {
  sql::CreateViewStatement view;
  view.view.table = statement.view.table;
  view.columns = statement.columns;
  view.names = statement.names;
  view.comment = statement.comment;
  view.query = statement.query;
  CheckColumns(view.columns);
  if (!FindPlaceholders(*view.query).empty()) return view;
  view.columns = ColumnsOfQuery(view, context);
  CheckColumns(view.columns);
  return view;
}

}  // namespace

PlanPtr RunCreateView(const sql::CreateViewStatement& statement, StatementContext& context) {
  Engine& engine = context.engine();
  engine.CheckWritable();
  CheckDatabase(statement.view.database);
  const std::string& name = statement.view.table;
  const bool exists = engine.tables().Exists(name);
  if (exists && statement.if_not_exists) return nullptr;
  if (exists && !statement.or_replace) {
    throw Error(ErrorCode::kTableAlreadyExists,
                "Table '" + name + "' exists already; drop it, or use IF NOT EXISTS or OR REPLACE");
  }
  if (exists && !engine.tables().Get(name)->is_view) {
    throw Error(ErrorCode::kIncorrectQuery,
                "'" + name +
                    "' is not a view: CREATE OR REPLACE VIEW does not take a table with "
                    "its rows away; DROP TABLE does");
  }
  const std::string definition = FormatViewDefinition(Canonical(statement, context));
  if (exists) {
    engine.tables().Redefine(name, definition);
  } else {
    engine.tables().Create(name, definition, context.task());
  }
  return nullptr;
}

}  // namespace granary
