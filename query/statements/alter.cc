// ALTER TABLE, and UPDATE, CREATE and DROP INDEX, which are forms of it.
#include <algorithm>

#include "granary/query/engine/engine.h"
#include "granary/query/engine/schema_compiler.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/sql/format_ast.h"
#include "granary/query/statements/row_mutation.h"
#include "granary/query/statements/statement.h"

namespace granary {
namespace {

using Kind = sql::AlterCommand::Kind;

template <class Definitions>
auto FindByName(Definitions& definitions, const std::string& name) {
  return std::find_if(definitions.begin(), definitions.end(),
                      [&](const auto& definition) { return definition.name == name; });
}

void AddIndex(const sql::AlterCommand& command, const SkipIndexRegistry& registry,
              sql::CreateTableStatement& definition) {
  auto& indexes = definition.indexes;
  if (FindByName(indexes, command.index.name) != indexes.end()) {
    if (command.if_not_exists) return;
    throw Error(ErrorCode::kIllegalColumn,
                "Index '" + command.index.name + "' exists already; drop it or use IF NOT EXISTS");
  }
  auto position = command.first ? indexes.begin() : indexes.end();
  if (!command.after.empty()) {
    position = FindByName(indexes, command.after);
    if (position == indexes.end()) {
      throw Error(ErrorCode::kBadArguments, "There is no index '" + command.after + "' to add '" +
                                                command.index.name + "' after");
    }
    ++position;
  }
  indexes.insert(position, CanonicalIndex(command.index, registry));
}

template <class Definitions>
void DropByName(const sql::AlterCommand& command, const char* what, Definitions& definitions) {
  const auto found = FindByName(definitions, command.name);
  if (found != definitions.end()) {
    definitions.erase(found);
  } else if (!command.if_exists) {
    throw Error(ErrorCode::kBadArguments, "There is no " + std::string(what) + " '" + command.name +
                                              "'; SHOW CREATE TABLE lists them");
  }
}

void AddConstraint(const sql::AlterCommand& command, sql::CreateTableStatement& definition) {
  const std::string& name = command.constraint.name;
  if (FindByName(definition.constraints, name) == definition.constraints.end()) {
    definition.constraints.push_back(command.constraint);
  } else if (!command.if_not_exists) {
    throw Error(ErrorCode::kBadArguments,
                "Constraint '" + name + "' exists already; drop it or use IF NOT EXISTS");
  }
}

void ModifySettings(const sql::AlterCommand& command, sql::CreateTableStatement& definition) {
  for (const sql::SettingChange& change : command.settings) {
    if (change.name == "index_granularity") {
      throw Error(ErrorCode::kReadonly,
                  "Setting 'index_granularity' cannot be changed: parts are cut by it");
    }
    std::erase_if(definition.table_settings,
                  [&](const auto& setting) { return setting.name == change.name; });
    definition.table_settings.push_back(change);
  }
}

// Commands that change the definition alone.
void ApplyTo(sql::CreateTableStatement& definition, const sql::AlterCommand& command,
             const SkipIndexRegistry& registry) {
  switch (command.kind) {
    case Kind::kAddIndex:
      return AddIndex(command, registry, definition);
    case Kind::kDropIndex:
      return DropByName(command, "index", definition.indexes);
    case Kind::kAddConstraint:
      return AddConstraint(command, definition);
    case Kind::kDropConstraint:
      return DropByName(command, "constraint", definition.constraints);
    case Kind::kModifySetting:
      return ModifySettings(command, definition);
    case Kind::kUpdate:
    case Kind::kDelete:
    case Kind::kMaterializeIndex:
    case Kind::kClearIndex:
      break;
  }
}

bool IsIndexMutation(const sql::AlterCommand& command) {
  return command.kind == Kind::kMaterializeIndex || command.kind == Kind::kClearIndex;
}

bool IsRowMutation(const sql::AlterCommand& command) {
  return command.kind == Kind::kUpdate || command.kind == Kind::kDelete;
}

void ChangeDefinition(const Table& table, const std::vector<sql::AlterCommand>& commands,
                      const Engine& engine) {
  for (;;) {
    const PartSetPtr base = table.store->parts();
    sql::CreateTableStatement definition = *ParseDefinition(base->schema->definition);
    for (const sql::AlterCommand& command : commands) {
      ApplyTo(definition, command, engine.options().skip_indexes);
    }
    const SchemaPtr schema = CompileSchema(definition);
    if (schema->definition == base->schema->definition) return;
    // Another ALTER came first: its definition is the one to change.
    if (table.store->CommitSchema(base, schema->definition)) return;
  }
}

void MutateIndex(const Table& table, const sql::AlterCommand& command, StatementContext& context) {
  if (command.partition) {
    throw Error(ErrorCode::kNotImplemented,
                "IN PARTITION is not implemented for indexes; leave it out for all partitions");
  }
  const bool exists = table.store->parts()->FindIndex(command.name) != nullptr;
  if (!exists && command.if_exists) return;
  if (!exists) {
    throw Error(ErrorCode::kBadArguments, "There is no index '" + command.name + "' in table '" +
                                              table.name + "'; SHOW INDEXES lists them");
  }
  context.engine().merges().MutateIndex(
      table.store, command.name,
      command.kind == Kind::kMaterializeIndex ? IndexMutation::kMaterialize : IndexMutation::kClear,
      context.task());
}

void MutateRows(const Table& table, const std::vector<sql::AlterCommand>& commands,
                StatementContext& context) {
  TableMutation mutation(table, commands, &context);
  context.engine().merges().MutateRows(table.store, mutation, context.task());
}

void Alter(const sql::TableName& name, const std::vector<sql::AlterCommand>& commands,
           StatementContext& context) {
  context.engine().CheckWritable();
  const TablePtr table = ResolveTable(name, context);
  const auto mutations =
      static_cast<size_t>(std::count_if(commands.begin(), commands.end(), IsIndexMutation));
  const auto row_mutations =
      static_cast<size_t>(std::count_if(commands.begin(), commands.end(), IsRowMutation));
  if (row_mutations == commands.size()) return MutateRows(*table, commands, context);
  if (row_mutations > 0) {
    throw Error(ErrorCode::kNotImplemented,
                "UPDATE and DELETE cannot stand beside other commands in one ALTER TABLE; write "
                "two statements");
  }
  if (mutations == 0) return ChangeDefinition(*table, commands, context.engine());
  if (commands.size() > 1) {
    throw Error(ErrorCode::kNotImplemented,
                "MATERIALIZE INDEX and CLEAR INDEX stand alone in an ALTER TABLE statement");
  }
  MutateIndex(*table, commands.front(), context);
}

}  // namespace

PlanPtr RunAlterTable(const sql::AlterTableStatement& statement, StatementContext& context) {
  Alter(statement.table, statement.commands, context);
  return nullptr;
}

PlanPtr RunUpdate(const sql::UpdateStatement& statement, StatementContext& context) {
  sql::AlterCommand command{.kind = Kind::kUpdate};
  command.assignments = statement.assignments;
  command.where = statement.where;
  Alter(statement.table, {command}, context);
  return nullptr;
}

PlanPtr RunCreateIndex(const sql::CreateIndexStatement& statement, StatementContext& context) {
  Alter(statement.table,
        {{.kind = Kind::kAddIndex,
          .if_not_exists = statement.if_not_exists,
          .index = statement.index}},
        context);
  return nullptr;
}

PlanPtr RunDropIndex(const sql::DropIndexStatement& statement, StatementContext& context) {
  Alter(statement.table,
        {{.kind = Kind::kDropIndex, .name = statement.index, .if_exists = statement.if_exists}},
        context);
  return nullptr;
}

}  // namespace granary
