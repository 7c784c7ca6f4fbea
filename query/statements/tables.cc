// CREATE, DROP, TRUNCATE and RENAME TABLE.
#include "granary/query/engine/engine.h"
#include "granary/query/engine/schema_compiler.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/statements/statement.h"

namespace granary {
namespace {

// CREATE TABLE a ENGINE = ... AS v: the columns of the view, all else as the statement says.
sql::CreateTableStatement WithColumnsOf(const sql::CreateViewStatement& view,
                                        const sql::CreateTableStatement& statement) {
  const std::string& name = view.view.table;
  if (statement.engine.empty()) {
    throw Error(ErrorCode::kIncorrectQuery, "'" + name +
                                                "' is a view, which has no engine to copy: CREATE "
                                                "TABLE ... AS " +
                                                name + " ENGINE = MergeTree ORDER BY ...");
  }
  if (view.columns.empty()) {
    throw Error(ErrorCode::kIncorrectQuery,
                "The columns of view '" + name +
                    "' depend on its parameters; write the columns of the table out");
  }
  sql::CreateTableStatement copy = statement;
  copy.as_table.reset();
  copy.columns = view.columns;
  return copy;
}

// CREATE TABLE a AS b: the definition of b under the name a; an ENGINE or ORDER BY of the statement
// itself is taken instead of b's.
sql::CreateTableStatement CopyOf(const sql::CreateTableStatement& statement,
                                 StatementContext& context) {
  const TablePtr other = ResolveTableOrView(*statement.as_table, context);
  if (other->is_view) return WithColumnsOf(*context.View(*other), statement);
  sql::CreateTableStatement copy = *ParseDefinition(context.Parts(*other)->schema->definition);
  copy.table = statement.table;
  if (!statement.columns.empty()) {
    throw Error(ErrorCode::kIncorrectQuery,
                "CREATE TABLE ... AS takes its columns from the other table; leave the list out");
  }
  copy.engine = statement.engine;
  if (statement.order_by) {
    copy.order_by = statement.order_by;
    copy.primary_key = statement.primary_key;
  }
  if (statement.partition_by) copy.partition_by = statement.partition_by;
  for (const auto& change : statement.table_settings) copy.table_settings.push_back(change);
  return copy;
}

}  // namespace

PlanPtr RunCreateTable(const sql::CreateTableStatement& statement, StatementContext& context) {
  Engine& engine = context.engine();
  engine.CheckWritable();
  CheckDatabase(statement.table.database);
  const std::string& name = statement.table.table;
  if (engine.tables().Exists(name)) {
    if (statement.if_not_exists) return nullptr;
    throw Error(ErrorCode::kTableAlreadyExists,
                "Table '" + name + "' exists already; drop it or use IF NOT EXISTS");
  }
  const auto canonical =
      Canonicalize(statement.as_table ? CopyOf(statement, context) : statement,
                   engine.options().skip_indexes, engine.options().table_settings);
  const SchemaPtr schema = CompileSchema(*canonical);
  engine.tables().Create(name, schema->definition, context.task());
  return nullptr;
}

PlanPtr RunDropTable(const sql::DropTableStatement& statement, StatementContext& context) {
  Engine& engine = context.engine();
  engine.CheckWritable();
  CheckDatabase(statement.table.database);
  if (statement.if_exists && !engine.tables().Exists(statement.table.table)) return nullptr;
  if (statement.is_view) {
    const TablePtr view = engine.tables().Get(statement.table.table);
    if (!view->is_view) {
      throw Error(ErrorCode::kIncorrectQuery,
                  "Table '" + view->name + "' is not a view; DROP TABLE drops it and its rows");
    }
  }
  engine.tables().Drop(statement.table.table);
  return nullptr;
}

PlanPtr RunTruncateTable(const sql::TruncateTableStatement& statement, StatementContext& context) {
  Engine& engine = context.engine();
  engine.CheckWritable();
  CheckDatabase(statement.table.database);
  const TablePtr table = engine.tables().Find(statement.table.table);
  if (table == nullptr && statement.if_exists) return nullptr;
  ResolveTable(statement.table, context)->store->Truncate();
  return nullptr;
}

PlanPtr RunRenameTable(const sql::RenameTableStatement& statement, StatementContext& context) {
  Engine& engine = context.engine();
  engine.CheckWritable();
  if (statement.renames.size() > 1) {
    throw Error(ErrorCode::kNotImplemented,
                "RENAME TABLE of several tables at once is not implemented; rename one by one");
  }
  const auto& [from, to] = statement.renames.front();
  CheckDatabase(from.database);
  CheckDatabase(to.database);
  engine.tables().Rename(from.table, to.table);
  return nullptr;
}

}  // namespace granary
