// SHOW, DESCRIBE and EXISTS: mostly queries of system tables.
#include <algorithm>

#include "granary/query/engine/engine.h"
#include "granary/query/engine/schema_compiler.h"
#include "granary/query/planning/planner.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/planning/sources/system_tables.h"
#include "granary/query/planning/sources/views.h"
#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/parser.h"
#include "granary/query/statements/statement.h"
#include "granary/query/steps/plan_steps.h"

namespace granary {
namespace {

PlanPtr PlanText(const std::string& query, StatementContext& context) {
  const sql::StatementPtr statement = sql::ParseStatement(query);
  return Planner(&context).PlanQuery(*sql::As<sql::SelectStatement>(*statement)->query);
}

std::string Quoted(const std::string& text) { return ValueToSql(Value(text), TypeId::kString); }

// " AND name LIKE '...'", or nothing.
std::string LikeClause(const sql::ShowStatement& statement) {
  if (!statement.like) return {};
  return std::string(" AND name ") + (statement.not_like ? "NOT " : "") +
         (statement.case_insensitive ? "ILIKE " : "LIKE ") + Quoted(*statement.like);
}

PlanPtr OneText(const std::string& name, const std::string& text) {
  Block block(1);
  block.Add(name, MakeConstant(TypeId::kString, Value(text), 1)->Materialize());
  return std::make_shared<BlockStep>(Header{{name, TypeId::kString}}, std::move(block), "Show");
}

PlanPtr ShowTables(const sql::ShowStatement& statement, StatementContext& context) {
  const std::string& database = statement.database.empty() ? "default" : statement.database;
  if (database != "system") CheckDatabase(database);
  return PlanText("SELECT name FROM system.tables WHERE database = " + Quoted(database) +
                      LikeClause(statement) + " ORDER BY name",
                  context);
}

PlanPtr ShowCreate(const sql::ShowStatement& statement, StatementContext& context) {
  const TablePtr table = ResolveTableOrView(statement.table, context);
  if (table->is_view) {
    sql::CreateViewStatement definition = *context.View(*table);
    definition.view.database = "default";
    definition.view.table = table->name;
    return OneText("statement", FormatViewDefinition(definition));
  }
  if (statement.is_view) {
    throw Error(ErrorCode::kBadArguments,
                "'" + table->name + "' is not a view; SHOW CREATE TABLE shows it");
  }
  sql::CreateTableStatement definition =
      *ParseDefinition(context.Parts(*table)->schema->definition);
  definition.table.database = "default";
  definition.table.table = table->name;
  return OneText("statement", FormatDefinition(definition));
}

// What a view says of its columns, without planning it.
Header ColumnsOf(const Table& view, StatementContext& context) {
  Header columns;
  for (const auto& column : context.View(view)->columns) {
    columns.push_back({column.name, DataType::Parse(column.type)});
  }
  return columns;
}

bool IsView(const TablePtr& table) { return table != nullptr && table->is_view; }

PlanPtr ShowIndexes(const sql::ShowStatement& statement, StatementContext& context) {
  const TablePtr table = ResolveTableOrView(statement.table, context);
  return PlanText(
      "SELECT table, name AS key_name, expr AS expression, upper(type) AS index_type, granularity "
      "FROM system.data_skipping_indices WHERE table = " +
          Quoted(table->name) + " ORDER BY name",
      context);
}

}  // namespace

PlanPtr PlanShow(const sql::ShowStatement& statement, StatementContext& context) {
  using What = sql::ShowStatement::What;
  switch (statement.what) {
    case What::kTables:
      return ShowTables(statement, context);
    case What::kDatabases:
      return PlanText(
          "SELECT name FROM system.databases WHERE 1" + LikeClause(statement) + " ORDER BY name",
          context);
    case What::kSettings:
      return PlanText("SELECT name, type, value FROM system.settings WHERE 1" +
                          LikeClause(statement) + " ORDER BY name",
                      context);
    case What::kProcesslist:
      return PlanText("SELECT * FROM system.processes ORDER BY elapsed DESC", context);
    case What::kCreateTable:
      return ShowCreate(statement, context);
    case What::kIndexes:
      break;
  }
  return ShowIndexes(statement, context);
}

PlanPtr PlanDescribe(const sql::DescribeTableStatement& statement, StatementContext& context) {
  const TablePtr view = FindView(statement.table, context);
  const bool is_view = view != nullptr && statement.table.table;
  const Header columns =
      is_view ? ColumnsOf(*view, context) : Planner(&context).DescribeSource(statement.table);
  SchemaPtr schema;
  if (statement.table.table && statement.table.table->database != "system") {
    schema = context.Parts(*ResolveTableOrView(*statement.table.table, context))->schema;
  }
  const Header header = {
      {"name", TypeId::kString},          {"type", TypeId::kString},
      {"default_type", TypeId::kString},  {"default_expression", TypeId::kString},
      {"comment", TypeId::kString},       {"codec_expression", TypeId::kString},
      {"ttl_expression", TypeId::kString}};
  std::vector<std::unique_ptr<ColumnBuilder>> builders;
  for (const HeaderColumn& column : header) builders.push_back(ColumnBuilder::Create(column.type));
  for (const HeaderColumn& column : columns) {
    const ColumnDeclaration* declaration = schema ? schema->FindColumn(column.name) : nullptr;
    const bool has_default = declaration != nullptr && declaration->default_expression != nullptr;
    const std::string default_text = has_default ? declaration->default_expression->text() : "";
    const std::string row[] = {
        column.name, column.type.name(), has_default ? "DEFAULT" : "", default_text, "", "", ""};
    for (size_t i = 0; i < header.size(); ++i) builders[i]->Append(Value(row[i]));
  }
  Block block(columns.size());
  for (size_t i = 0; i < header.size(); ++i) block.Add(header[i].name, builders[i]->Finish());
  return std::make_shared<BlockStep>(header, std::move(block), "Describe");
}

PlanPtr PlanExists(const sql::ExistsTableStatement& statement, StatementContext& context) {
  const sql::TableName& name = statement.table;
  bool exists = false;
  if (name.database == "system" && !statement.is_view) {
    const std::vector<std::string> known = SystemTableNames();
    exists = std::find(known.begin(), known.end(), name.table) != known.end();
  } else {
    CheckDatabase(name.database);
    const Tables& tables = context.engine().tables();
    exists = statement.is_view ? IsView(tables.Find(name.table)) : tables.Exists(name.table);
  }
  Block block(1);
  block.Add("result",
            MakeConstant(TypeId::kUInt8, Value(static_cast<uint64_t>(exists)), 1)->Materialize());
  return std::make_shared<BlockStep>(Header{{"result", TypeId::kUInt8}}, std::move(block),
                                     "Exists");
}

}  // namespace granary
