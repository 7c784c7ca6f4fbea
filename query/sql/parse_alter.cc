#include <utility>

#include "granary/query/sql/grammar.h"
#include "granary/query/sql/literals.h"

namespace granary::sql {
namespace {

using Kind = AlterCommand::Kind;

void ParseAddIndex(TokenStream& tokens, AlterCommand& command) {
  command.kind = Kind::kAddIndex;
  command.if_not_exists = tokens.Accept("IF NOT EXISTS");
  command.index = ParseIndexDefinition(tokens);
  command.first = tokens.Accept("FIRST");
  if (!command.first && tokens.Accept("AFTER")) {
    command.after = tokens.ExpectIdentifier("name of an index");
  }
}

void ParseAddConstraint(TokenStream& tokens, AlterCommand& command) {
  command.kind = Kind::kAddConstraint;
  command.if_not_exists = tokens.Accept("IF NOT EXISTS");
  command.constraint = ParseConstraintDefinition(tokens);
}

void ParseNamed(TokenStream& tokens, Kind kind, AlterCommand& command) {
  command.kind = kind;
  command.if_exists = tokens.Accept("IF EXISTS");
  command.name = tokens.ExpectIdentifier("name");
}

// MATERIALIZE and CLEAR INDEX name [IN PARTITION expression]
void ParseIndexInPartition(TokenStream& tokens, Kind kind, AlterCommand& command) {
  ParseNamed(tokens, kind, command);
  if (tokens.Accept("IN PARTITION")) command.partition = ParsePartition(tokens);
}

void ParseMutation(TokenStream& tokens, Kind kind, AlterCommand& command) {
  command.kind = kind;
  if (kind == Kind::kUpdate) {
    tokens.set_ends_at_partition(true);
    command.assignments = ParseAssignments(tokens);
    tokens.set_ends_at_partition(false);
  }
  if (tokens.Accept("IN PARTITION")) command.partition = ParsePartition(tokens);
  tokens.Expect("WHERE");
  command.where = ParseExprWithoutAlias(tokens);
}

// DROP PARTITION p deletes the rows of p.
void ParseDropPartition(TokenStream& tokens, AlterCommand& command) {
  command.kind = Kind::kDelete;
  command.partition = ParsePartition(tokens);
  command.where = MakeNumber("1", /*negative=*/false);
}

AlterCommand ParseCommand(TokenStream& tokens) {
  AlterCommand command;
  command.offset = tokens.offset();
  if (tokens.Accept("ADD INDEX")) {
    ParseAddIndex(tokens, command);
  } else if (tokens.Accept("DROP INDEX")) {
    ParseNamed(tokens, Kind::kDropIndex, command);
  } else if (tokens.Accept("DROP PARTITION")) {
    ParseDropPartition(tokens, command);
  } else if (tokens.Accept("MATERIALIZE INDEX")) {
    ParseIndexInPartition(tokens, Kind::kMaterializeIndex, command);
  } else if (tokens.Accept("CLEAR INDEX")) {
    ParseIndexInPartition(tokens, Kind::kClearIndex, command);
  } else if (tokens.Accept("ADD CONSTRAINT")) {
    ParseAddConstraint(tokens, command);
  } else if (tokens.Accept("DROP CONSTRAINT")) {
    ParseNamed(tokens, Kind::kDropConstraint, command);
  } else if (tokens.Accept("MODIFY SETTING")) {
    command.kind = Kind::kModifySetting;
    command.settings = ParseSettings(tokens);
  } else if (tokens.Accept("UPDATE")) {
    ParseMutation(tokens, Kind::kUpdate, command);
  } else {
    tokens.Expect("DELETE");
    ParseMutation(tokens, Kind::kDelete, command);
  }
  return command;
}

}  // namespace

PartitionName ParsePartition(TokenStream& tokens) {
  PartitionName name;
  name.is_id = tokens.Peek(1).kind == TokenKind::kString && tokens.Accept("ID");
  name.value = ParseExprWithoutAlias(tokens);
  return name;
}

StatementPtr ParseAlter(TokenStream& tokens) {
  auto alter = std::make_unique<AlterTableStatement>();
  tokens.Expect("ALTER");
  tokens.Expect("TABLE");
  alter->table = ParseTableName(tokens);
  do {
    alter->commands.push_back(ParseCommand(tokens));
  } while (tokens.Accept(TokenKind::kComma));
  return alter;
}

}  // namespace granary::sql
