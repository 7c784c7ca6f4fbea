#include <utility>

#include "granary/query/sql/grammar.h"
#include "granary/table/error.h"

namespace granary::sql {
namespace {

// `a`, `(a, b)` or `tuple()`
KeyDefinition ParseKey(TokenStream& tokens) {
  ExprPtr key = ParseExprWithoutAlias(tokens);
  const Function* tuple = As<Function>(*key);
  if (tuple && tuple->name == "tuple") return tuple->arguments;
  return {std::move(key)};
}

void SetKey(TokenStream& tokens, std::optional<KeyDefinition>& key) {
  if (key) tokens.Fail("no second key of this kind");
  key = ParseKey(tokens);
}

// CODEC(Delta, ZSTD(3))
std::vector<ExprPtr> ParseCodecs(TokenStream& tokens) {
  tokens.Expect(TokenKind::kOpenParen);
  std::vector<ExprPtr> codecs = ParseExprList(tokens);
  tokens.Expect(TokenKind::kCloseParen);
  return codecs;
}

bool ParseColumnModifier(TokenStream& tokens, ColumnDefinition& column) {
  if (tokens.Accept("DEFAULT")) {
    column.default_expression = ParseExprWithoutAlias(tokens);
  } else if (tokens.Accept("CODEC")) {
    column.codecs = ParseCodecs(tokens);
  } else if (tokens.Accept("COMMENT")) {
    column.comment = tokens.ExpectString("comment in quotes");
  } else if (tokens.Accept("PRIMARY KEY")) {
    column.primary_key = true;
  } else {
    return tokens.Accept("NOT NULL");  // as every column is
  }
  return true;
}

ColumnDefinition ParseColumn(TokenStream& tokens) {
  ColumnDefinition column;
  column.offset = tokens.offset();
  column.name = tokens.ExpectIdentifier("column name");
  if (!tokens.At("DEFAULT")) column.type = ParseType(tokens);
  while (ParseColumnModifier(tokens, column)) {
  }
  return column;
}

void ParseTableElement(TokenStream& tokens, CreateTableStatement& create) {
  if (tokens.Accept("INDEX")) {
    create.indexes.push_back(ParseIndexDefinition(tokens));
  } else if (tokens.Accept("CONSTRAINT")) {
    create.constraints.push_back(ParseConstraintDefinition(tokens));
  } else if (tokens.Accept("PRIMARY KEY")) {
    SetKey(tokens, create.primary_key);
  } else {
    create.columns.push_back(ParseColumn(tokens));
  }
}

void ParseEngine(TokenStream& tokens, CreateTableStatement& create) {
  tokens.Accept(TokenKind::kEquals);
  if (tokens.AtIdentifier() && tokens.Peek(1).kind == TokenKind::kOpenParen) {
    const std::shared_ptr<Function> call = ParseCall(tokens);
    create.engine = call->name;
    create.engine_arguments = call->arguments;
  } else {
    create.engine = tokens.ExpectIdentifier("name of an engine");
  }
}

bool ParseTableClause(TokenStream& tokens, CreateTableStatement& create) {
  if (create.engine.empty() && tokens.Accept("ENGINE")) {
    ParseEngine(tokens, create);
  } else if (tokens.Accept("ORDER BY")) {
    SetKey(tokens, create.order_by);
  } else if (tokens.Accept("PARTITION BY")) {
    SetKey(tokens, create.partition_by);
  } else if (tokens.Accept("PRIMARY KEY")) {
    SetKey(tokens, create.primary_key);
  } else if (create.table_settings.empty() && tokens.Accept("SETTINGS")) {
    create.table_settings = ParseSettings(tokens);
  } else if (create.comment.empty() && tokens.Accept("COMMENT")) {
    create.comment = tokens.ExpectString("comment in quotes");
  } else {
    return false;
  }
  return true;
}

StatementPtr ParseCreateTable(TokenStream& tokens) {
  auto create = std::make_unique<CreateTableStatement>();
  create->if_not_exists = tokens.Accept("IF NOT EXISTS");
  create->table = ParseTableName(tokens);
  if (tokens.Accept("AS")) {
    create->as_table = ParseTableName(tokens);
  } else {
    tokens.Expect(TokenKind::kOpenParen);
    do {
      ParseTableElement(tokens, *create);
    } while (tokens.Accept(TokenKind::kComma));
    tokens.Expect(TokenKind::kCloseParen);
  }
  while (ParseTableClause(tokens, *create)) {
  }
  return create;
}

// (a, b), names alone.
bool AtNamesInParens(const TokenStream& tokens) {
  if (!tokens.At(TokenKind::kOpenParen)) return false;
  const TokenKind after_first = tokens.Peek(2).kind;
  return after_first == TokenKind::kComma || after_first == TokenKind::kCloseParen;
}

// [(columns)] [(names)] [COMMENT 'text'] AS query [COMMENT 'text'], behind the name.
void ParseViewBody(TokenStream& tokens, CreateViewStatement& create) {
  if (tokens.At(TokenKind::kOpenParen) && !AtNamesInParens(tokens)) {
    tokens.Expect(TokenKind::kOpenParen);
    do {
      create.columns.push_back(ParseColumn(tokens));
    } while (tokens.Accept(TokenKind::kComma));
    tokens.Expect(TokenKind::kCloseParen);
  }
  if (AtNamesInParens(tokens)) create.names = ParseNamesInParens(tokens, "column name");
  if (tokens.Accept("COMMENT")) create.comment = tokens.ExpectString("comment in quotes");
  tokens.Expect("AS");
  create.query = ParseQuery(tokens);
  if (create.comment.empty() && tokens.Accept("COMMENT")) {
    create.comment = tokens.ExpectString("comment in quotes");
  }
}

StatementPtr ParseCreateView(TokenStream& tokens, bool or_replace) {
  auto create = std::make_unique<CreateViewStatement>();
  create->or_replace = or_replace;
  create->if_not_exists = !or_replace && tokens.Accept("IF NOT EXISTS");
  create->view = ParseTableName(tokens);
  ParseViewBody(tokens, *create);
  return create;
}

// Views of ClickHouse that keep rows or watch tables.
void RefuseOtherViews(const TokenStream& tokens) {
  for (const char* kind : {"MATERIALIZED", "LIVE", "WINDOW"}) {
    if (!tokens.At(std::string(kind) + " VIEW")) continue;
    throw Error(ErrorCode::kNotImplemented,
                std::string(kind) +
                    " VIEW is not implemented; there are plain views, CREATE VIEW v AS SELECT ..., "
                    "and INSERT INTO t SELECT ... keeps the rows of a query in a table");
  }
}

// CREATE INDEX [IF NOT EXISTS] name ON table (expression) TYPE ...
StatementPtr ParseCreateIndex(TokenStream& tokens) {
  auto create = std::make_unique<CreateIndexStatement>();
  create->if_not_exists = tokens.Accept("IF NOT EXISTS");
  create->index.offset = tokens.offset();
  create->index.name = tokens.ExpectIdentifier("name of the index");
  tokens.Expect("ON");
  create->table = ParseTableName(tokens);
  create->index.expression = ParseExprWithoutAlias(tokens);
  ParseIndexType(tokens, create->index);
  return create;
}

IndexArgument ParseIndexArgument(TokenStream& tokens) {
  IndexArgument argument;
  if (tokens.AtIdentifier() && tokens.Peek(1).kind == TokenKind::kEquals) {
    argument.name = tokens.ExpectIdentifier("argument of the index");
    tokens.Expect(TokenKind::kEquals);
  }
  if (tokens.AtIdentifier()) {
    argument.is_identifier = true;
    argument.value = tokens.ExpectIdentifier("argument of the index");
  } else {
    argument.value = ParseLiteral(tokens, "argument of the index: a number, string or name")->value;
  }
  return argument;
}

}  // namespace

void ParseIndexType(TokenStream& tokens, IndexDefinition& index) {
  tokens.Expect("TYPE");
  index.type = tokens.ExpectIdentifier("type of the index");
  if (tokens.Accept(TokenKind::kOpenParen) && !tokens.Accept(TokenKind::kCloseParen)) {
    do {
      index.arguments.push_back(ParseIndexArgument(tokens));
    } while (tokens.Accept(TokenKind::kComma));
    tokens.Expect(TokenKind::kCloseParen);
  }
  if (tokens.Accept("GRANULARITY")) index.granularity = tokens.ExpectUnsigned("number of granules");
}

IndexDefinition ParseIndexDefinition(TokenStream& tokens) {
  IndexDefinition index;
  index.offset = tokens.offset();
  index.name = tokens.ExpectIdentifier("name of the index");
  index.expression = ParseExprWithoutAlias(tokens);
  ParseIndexType(tokens, index);
  return index;
}

ConstraintDefinition ParseConstraintDefinition(TokenStream& tokens) {
  ConstraintDefinition constraint;
  constraint.offset = tokens.offset();
  constraint.name = tokens.ExpectIdentifier("name of the constraint");
  tokens.Expect("CHECK");
  constraint.expression = ParseExprWithoutAlias(tokens);
  return constraint;
}

StatementPtr ParseCreate(TokenStream& tokens) {
  tokens.Expect("CREATE");
  RefuseOtherViews(tokens);
  if (tokens.Accept("OR REPLACE")) {
    tokens.Expect("VIEW");
    return ParseCreateView(tokens, /*or_replace=*/true);
  }
  if (tokens.Accept("VIEW")) return ParseCreateView(tokens, /*or_replace=*/false);
  if (tokens.Accept("TABLE")) return ParseCreateTable(tokens);
  if (tokens.Accept("INDEX")) return ParseCreateIndex(tokens);
  tokens.Fail("TABLE");
}

}  // namespace granary::sql
