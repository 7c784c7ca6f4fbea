#include <string_view>

#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/format_parts.h"
#include "granary/query/sql/keywords.h"
#include "granary/table/error.h"

namespace granary::sql {
namespace {

std::string If(bool condition, std::string_view text) {
  return condition ? std::string(text) : std::string();
}

std::string FormatString(std::string_view keyword, const std::string& text) {
  return text.empty() ? text : Clause(keyword, sql::FormatString(text));
}

// The FORMAT clause.
std::string FormatName(const std::string& format) {
  return format.empty() ? format : " FORMAT " + QuoteName(format);
}

std::string FormatIndexArgument(const IndexArgument& argument) {
  if (!argument.name.empty()) {
    return QuoteIdentifier(argument.name) + " = " +
           FormatIndexArgument({argument.value, argument.is_identifier});
  }
  if (argument.is_identifier) return QuoteIdentifier(argument.value.as_string());
  if (argument.value.is_string()) return sql::FormatString(argument.value.as_string());
  return FormatLiteral(argument.value,
                       argument.value.is_float() ? TypeId::kFloat64 : TypeId::kInt64);
}

std::string FormatIndexType(const IndexDefinition& index) {
  std::string text = " TYPE " + QuoteName(index.type);
  if (!index.arguments.empty()) {
    text += "(" + JoinList(index.arguments, FormatIndexArgument) + ")";
  }
  if (index.granularity) text += " GRANULARITY " + std::to_string(*index.granularity);
  return text;
}

std::string FormatIndex(const IndexDefinition& index) {
  return QuoteIdentifier(index.name) + " " + FormatExpr(*index.expression) + FormatIndexType(index);
}

std::string FormatConstraint(const ConstraintDefinition& constraint) {
  return QuoteIdentifier(constraint.name) + Clause("CHECK", constraint.expression);
}

std::string FormatColumn(const ColumnDefinition& column) {
  std::string text = QuoteIdentifier(column.name);
  if (!column.type.empty()) text += " " + column.type;
  text += Clause("DEFAULT", column.default_expression);
  text += FormatString("COMMENT", column.comment);
  if (!column.codecs.empty()) text += " CODEC(" + FormatExprs(column.codecs) + ")";
  return text + If(column.primary_key, " PRIMARY KEY");
}

std::string FormatKey(const KeyDefinition& key) {
  if (key.empty()) return "tuple()";
  return key.size() == 1 ? FormatExpr(*key.front()) : "(" + FormatExprs(key) + ")";
}

std::string FormatTableElements(const CreateTableStatement& create) {
  std::string text;
  const auto add = [&](const std::string& element) {
    text += text.empty() ? "\n(\n    " : ",\n    ";
    text += element;
  };
  for (const ColumnDefinition& column : create.columns) add(FormatColumn(column));
  for (const IndexDefinition& index : create.indexes) add("INDEX " + FormatIndex(index));
  for (const ConstraintDefinition& constraint : create.constraints) {
    add("CONSTRAINT " + FormatConstraint(constraint));
  }
  return text + "\n)";
}

std::string Line(const std::string& clause) {
  return clause.empty() ? clause : "\n" + clause.substr(1);
}

std::string Format(const CreateTableStatement& create) {
  std::string text =
      "CREATE TABLE " + If(create.if_not_exists, "IF NOT EXISTS ") + FormatTableName(create.table);
  text +=
      create.as_table ? " AS " + FormatTableName(*create.as_table) : FormatTableElements(create);
  if (!create.engine.empty()) {
    text += "\nENGINE = " + QuoteName(create.engine);
    if (!create.engine_arguments.empty()) text += "(" + FormatExprs(create.engine_arguments) + ")";
  }
  if (create.partition_by) text += "\nPARTITION BY " + FormatKey(*create.partition_by);
  if (create.primary_key) text += "\nPRIMARY KEY " + FormatKey(*create.primary_key);
  if (create.order_by) text += "\nORDER BY " + FormatKey(*create.order_by);
  return text + Line(Clause("SETTINGS", FormatSettings(create.table_settings))) +
         Line(FormatString("COMMENT", create.comment));
}

std::string FormatViewColumns(const std::vector<ColumnDefinition>& columns) {
  std::string text;
  for (const ColumnDefinition& column : columns) {
    text += (text.empty() ? "\n(\n    " : ",\n    ") + FormatColumn(column);
  }
  return text + If(!columns.empty(), "\n)");
}

std::string Format(const CreateViewStatement& create) {
  return "CREATE " + If(create.or_replace, "OR REPLACE ") + "VIEW " +
         If(create.if_not_exists, "IF NOT EXISTS ") + FormatTableName(create.view) +
         FormatViewColumns(create.columns) +
         If(!create.names.empty(), "\n" + FormatNames(create.names)) +
         Line(FormatString("COMMENT", create.comment)) + "\nAS " + FormatQuery(*create.query);
}

std::string Format(const CreateIndexStatement& create) {
  return "CREATE INDEX " + If(create.if_not_exists, "IF NOT EXISTS ") +
         QuoteIdentifier(create.index.name) + " ON " + FormatTableName(create.table) + " (" +
         FormatExpr(*create.index.expression) + ")" + FormatIndexType(create.index);
}

std::string Format(const SelectStatement& select) { return FormatQuery(*select.query); }

std::string Format(const InsertStatement& insert) {
  std::string text = "INSERT INTO " + FormatTableName(insert.table);
  if (!insert.columns.empty()) text += " " + FormatNames(insert.columns);
  if (!insert.infile.empty()) {
    return text + FormatString("FROM INFILE", insert.infile) +
           Clause("SETTINGS", FormatSettings(insert.settings)) + FormatName(insert.input_format);
  }
  text += Clause("SETTINGS", FormatSettings(insert.settings));
  if (insert.query) return text + " " + FormatQuery(*insert.query);
  return text + FormatName(insert.input_format);
}

std::string Format(const DropTableStatement& drop) {
  return (drop.is_view ? "DROP VIEW " : "DROP TABLE ") + If(drop.if_exists, "IF EXISTS ") +
         FormatTableName(drop.table) + If(drop.sync, " SYNC");
}

std::string Format(const DropIndexStatement& drop) {
  return "DROP INDEX " + If(drop.if_exists, "IF EXISTS ") + QuoteIdentifier(drop.index) + " ON " +
         FormatTableName(drop.table);
}

std::string Format(const TruncateTableStatement& truncate) {
  return "TRUNCATE TABLE " + If(truncate.if_exists, "IF EXISTS ") + FormatTableName(truncate.table);
}

std::string Format(const RenameTableStatement& rename) {
  return "RENAME TABLE " + JoinList(rename.renames, [](const auto& pair) {
           return FormatTableName(pair.first) + " TO " + FormatTableName(pair.second);
         });
}

std::string Format(const DetachTableStatement& detach) {
  return "DETACH TABLE " + If(detach.if_exists, "IF EXISTS ") + FormatTableName(detach.table);
}

std::string Format(const AttachTableStatement& attach) {
  return "ATTACH TABLE " + If(attach.if_not_exists, "IF NOT EXISTS ") +
         FormatTableName(attach.table);
}

std::string FormatAssignments(const std::vector<Assignment>& assignments) {
  return JoinList(assignments, [](const Assignment& assignment) {
    return QuoteIdentifier(assignment.column) + " = " + FormatExpr(*assignment.expression);
  });
}

std::string FormatPartition(std::string_view keyword, const PartitionName& partition) {
  return Clause(std::string(keyword) + If(partition.is_id, " ID"), partition.value);
}

std::string FormatCommand(const AlterCommand& command) {
  using Kind = AlterCommand::Kind;
  const std::string name = If(command.if_exists, "IF EXISTS ") + QuoteIdentifier(command.name);
  const std::string if_not_exists = If(command.if_not_exists, "IF NOT EXISTS ");
  switch (command.kind) {
    case Kind::kAddIndex:
      return "ADD INDEX " + if_not_exists + FormatIndex(command.index) +
             If(command.first, " FIRST") +
             (command.after.empty() ? "" : " AFTER " + QuoteIdentifier(command.after));
    case Kind::kDropIndex:
      return "DROP INDEX " + name;
    case Kind::kMaterializeIndex:
      return "MATERIALIZE INDEX " + name + FormatPartition("IN PARTITION", command.partition);
    case Kind::kClearIndex:
      return "CLEAR INDEX " + name + FormatPartition("IN PARTITION", command.partition);
    case Kind::kAddConstraint:
      return "ADD CONSTRAINT " + if_not_exists + FormatConstraint(command.constraint);
    case Kind::kDropConstraint:
      return "DROP CONSTRAINT " + name;
    case Kind::kModifySetting:
      return "MODIFY SETTING " + FormatSettings(command.settings);
    case Kind::kUpdate:
      return "UPDATE " + FormatAssignments(command.assignments) +
             FormatPartition("IN PARTITION", command.partition) + Clause("WHERE", command.where);
    case Kind::kDelete:
      break;
  }
  return "DELETE" + FormatPartition("IN PARTITION", command.partition) +
         Clause("WHERE", command.where);
}

std::string Format(const AlterTableStatement& alter) {
  return "ALTER TABLE " + FormatTableName(alter.table) + " " +
         JoinList(alter.commands, FormatCommand);
}

std::string Format(const DeleteStatement& statement) {
  return "DELETE FROM " + FormatTableName(statement.table) +
         FormatPartition("IN PARTITION", statement.partition) + Clause("WHERE", statement.where);
}

std::string Format(const UpdateStatement& update) {
  return "UPDATE " + FormatTableName(update.table) + " SET " +
         FormatAssignments(update.assignments) + Clause("WHERE", update.where);
}

std::string Format(const OptimizeTableStatement& optimize) {
  return "OPTIMIZE TABLE " + FormatTableName(optimize.table) +
         FormatPartition("PARTITION", optimize.partition) + If(optimize.final, " FINAL");
}

std::string Format(const CheckTableStatement& check) {
  return "CHECK TABLE " + FormatTableName(check.table);
}

std::string FormatShowSubject(const ShowStatement& show) {
  using What = ShowStatement::What;
  switch (show.what) {
    case What::kTables:
      return "TABLES" + (show.database.empty() ? "" : " FROM " + QuoteIdentifier(show.database));
    case What::kDatabases:
      return "DATABASES";
    case What::kSettings:
      return "SETTINGS";
    case What::kProcesslist:
      return "PROCESSLIST";
    case What::kCreateTable:
      return (show.is_view ? "CREATE VIEW " : "CREATE TABLE ") + FormatTableName(show.table);
    case What::kIndexes:
      break;
  }
  return "INDEX FROM " + FormatTableName(show.table);
}

std::string Format(const ShowStatement& show) {
  std::string text = "SHOW " + FormatShowSubject(show);
  if (!show.like) return text;
  return text + If(show.not_like, " NOT") + (show.case_insensitive ? " ILIKE " : " LIKE ") +
         sql::FormatString(*show.like);
}

std::string Format(const DescribeTableStatement& describe) {
  return "DESCRIBE TABLE " + FormatTableExpression(describe.table);
}

std::string Format(const ExistsTableStatement& exists) {
  return (exists.is_view ? "EXISTS VIEW " : "EXISTS TABLE ") + FormatTableName(exists.table);
}

std::string Format(const UseStatement& use) { return "USE " + QuoteIdentifier(use.database); }

std::string Format(const SystemStatement& system) {
  return "SYSTEM " + system.command + (system.table ? " " + FormatTableName(*system.table) : "");
}

std::string Format(const SetStatement& set) { return "SET " + FormatSettings(set.settings); }

std::string Format(const ExplainStatement& explain) { return FormatExplain(explain); }

std::string Format(const KillQueryStatement& kill) {
  return "KILL QUERY" + Clause("WHERE", kill.where) + (kill.sync ? " SYNC" : " ASYNC");
}

// Calls visit with the statement as what it is.
template <class F>
std::string Visit(const Statement& statement, F visit) {
  switch (statement.kind) {
    case StatementKind::kSelect:
      return visit(static_cast<const SelectStatement&>(statement));
    case StatementKind::kInsert:
      return visit(static_cast<const InsertStatement&>(statement));
    case StatementKind::kCreateTable:
      return visit(static_cast<const CreateTableStatement&>(statement));
    case StatementKind::kCreateView:
      return visit(static_cast<const CreateViewStatement&>(statement));
    case StatementKind::kCreateIndex:
      return visit(static_cast<const CreateIndexStatement&>(statement));
    case StatementKind::kDropTable:
      return visit(static_cast<const DropTableStatement&>(statement));
    case StatementKind::kDropIndex:
      return visit(static_cast<const DropIndexStatement&>(statement));
    case StatementKind::kTruncateTable:
      return visit(static_cast<const TruncateTableStatement&>(statement));
    case StatementKind::kRenameTable:
      return visit(static_cast<const RenameTableStatement&>(statement));
    case StatementKind::kDetachTable:
      return visit(static_cast<const DetachTableStatement&>(statement));
    case StatementKind::kAttachTable:
      return visit(static_cast<const AttachTableStatement&>(statement));
    case StatementKind::kAlterTable:
      return visit(static_cast<const AlterTableStatement&>(statement));
    case StatementKind::kDelete:
      return visit(static_cast<const DeleteStatement&>(statement));
    case StatementKind::kUpdate:
      return visit(static_cast<const UpdateStatement&>(statement));
    case StatementKind::kOptimizeTable:
      return visit(static_cast<const OptimizeTableStatement&>(statement));
    case StatementKind::kCheckTable:
      return visit(static_cast<const CheckTableStatement&>(statement));
    case StatementKind::kShow:
      return visit(static_cast<const ShowStatement&>(statement));
    case StatementKind::kDescribeTable:
      return visit(static_cast<const DescribeTableStatement&>(statement));
    case StatementKind::kExistsTable:
      return visit(static_cast<const ExistsTableStatement&>(statement));
    case StatementKind::kUse:
      return visit(static_cast<const UseStatement&>(statement));
    case StatementKind::kSystem:
      return visit(static_cast<const SystemStatement&>(statement));
    case StatementKind::kSet:
      return visit(static_cast<const SetStatement&>(statement));
    case StatementKind::kExplain:
      return visit(static_cast<const ExplainStatement&>(statement));
    case StatementKind::kKillQuery:
      return visit(static_cast<const KillQueryStatement&>(statement));
  }
  throw Error(ErrorCode::kLogicalError, "unknown kind of statement");
}

// INSERT and SET print their settings themselves.
bool HasSettingsClause(const Statement& statement) {
  return statement.kind != StatementKind::kInsert && statement.kind != StatementKind::kSet;
}

}  // namespace

std::string FormatExplain(const ExplainStatement& explain) {
  constexpr std::string_view kKinds[] = {"",          "AST ",      "SYNTAX ",
                                         "PIPELINE ", "ESTIMATE ", "RECALL "};
  std::string text = "EXPLAIN " + std::string(kKinds[static_cast<size_t>(explain.what)]);
  if (!explain.options.empty()) text += FormatSettings(explain.options) + " ";
  return text + FormatQuery(*explain.query);
}

std::string FormatStatement(const Statement& statement) {
  std::string text = Visit(statement, [](const auto& concrete) { return Format(concrete); });
  text += FormatString("INTO OUTFILE", statement.outfile);
  text += FormatName(statement.format);
  if (HasSettingsClause(statement)) text += Clause("SETTINGS", FormatSettings(statement.settings));
  return text;
}

}  // namespace granary::sql
