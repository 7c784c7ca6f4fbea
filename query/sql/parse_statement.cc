#include <utility>

#include "granary/query/sql/grammar.h"
#include "granary/query/sql/keywords.h"

namespace granary::sql {
namespace {

bool AnswersWithRows(StatementKind kind) {
  switch (kind) {
    case StatementKind::kSelect:
    case StatementKind::kShow:
    case StatementKind::kDescribeTable:
    case StatementKind::kExistsTable:
    case StatementKind::kExplain:
    case StatementKind::kCheckTable:
    case StatementKind::kKillQuery:
      return true;
    default:
      return false;
  }
}

void ParseLastClauses(TokenStream& tokens, Statement& statement) {
  if (AnswersWithRows(statement.kind)) {
    if (tokens.Accept("INTO OUTFILE")) statement.outfile = tokens.ExpectFileName();
    if (tokens.Accept("FORMAT")) statement.format = tokens.ExpectIdentifier("name of a format");
  }
  if (statement.settings.empty() && tokens.Accept("SETTINGS")) {
    statement.settings = ParseSettings(tokens);
  }
}

StatementPtr ParseSelectStatement(TokenStream& tokens) {
  auto select = std::make_unique<SelectStatement>();
  select->query = ParseQuery(tokens);
  return select;
}

// VIEW, or perhaps TABLE, before a name: whether it was VIEW.
bool AcceptViewOrTable(TokenStream& tokens) {
  if (tokens.Accept("VIEW")) return true;
  tokens.Accept("TABLE");
  return false;
}

StatementPtr ParseDrop(TokenStream& tokens) {
  tokens.Expect("DROP");
  if (tokens.Accept("INDEX")) {
    auto drop = std::make_unique<DropIndexStatement>();
    drop->if_exists = tokens.Accept("IF EXISTS");
    drop->index = tokens.ExpectIdentifier("name of the index");
    tokens.Expect("ON");
    drop->table = ParseTableName(tokens);
    return drop;
  }
  auto drop = std::make_unique<DropTableStatement>();
  drop->is_view = tokens.Accept("VIEW");
  if (!drop->is_view) tokens.Expect("TABLE");
  drop->if_exists = tokens.Accept("IF EXISTS");
  drop->table = ParseTableName(tokens);
  drop->sync = tokens.Accept("SYNC");
  return drop;
}

StatementPtr ParseTruncate(TokenStream& tokens) {
  auto truncate = std::make_unique<TruncateTableStatement>();
  tokens.Expect("TRUNCATE");
  tokens.Accept("TABLE");
  truncate->if_exists = tokens.Accept("IF EXISTS");
  truncate->table = ParseTableName(tokens);
  tokens.Accept("SYNC");
  return truncate;
}

StatementPtr ParseRename(TokenStream& tokens) {
  auto rename = std::make_unique<RenameTableStatement>();
  tokens.Expect("RENAME");
  tokens.Accept("TABLE");
  do {
    TableName from = ParseTableName(tokens);
    tokens.Expect("TO");
    rename->renames.emplace_back(std::move(from), ParseTableName(tokens));
  } while (tokens.Accept(TokenKind::kComma));
  return rename;
}

StatementPtr ParseDetach(TokenStream& tokens) {
  auto detach = std::make_unique<DetachTableStatement>();
  tokens.Expect("DETACH");
  tokens.Expect("TABLE");
  detach->if_exists = tokens.Accept("IF EXISTS");
  detach->table = ParseTableName(tokens);
  return detach;
}

StatementPtr ParseAttach(TokenStream& tokens) {
  auto attach = std::make_unique<AttachTableStatement>();
  tokens.Expect("ATTACH");
  tokens.Expect("TABLE");
  attach->if_not_exists = tokens.Accept("IF NOT EXISTS");
  attach->table = ParseTableName(tokens);
  return attach;
}

StatementPtr ParseDelete(TokenStream& tokens) {
  auto statement = std::make_unique<DeleteStatement>();
  tokens.Expect("DELETE");
  tokens.Expect("FROM");
  statement->table = ParseTableName(tokens);
  if (tokens.Accept("IN PARTITION")) statement->partition = ParsePartition(tokens);
  tokens.Expect("WHERE");
  statement->where = ParseExprWithoutAlias(tokens);
  return statement;
}

StatementPtr ParseUpdate(TokenStream& tokens) {
  auto update = std::make_unique<UpdateStatement>();
  tokens.Expect("UPDATE");
  update->table = ParseTableName(tokens);
  tokens.Expect("SET");
  update->assignments = ParseAssignments(tokens);
  tokens.Expect("WHERE");
  update->where = ParseExprWithoutAlias(tokens);
  return update;
}

StatementPtr ParseOptimize(TokenStream& tokens) {
  auto optimize = std::make_unique<OptimizeTableStatement>();
  tokens.Expect("OPTIMIZE");
  tokens.Expect("TABLE");
  optimize->table = ParseTableName(tokens);
  if (tokens.Accept("PARTITION")) optimize->partition = ParsePartition(tokens);
  optimize->final = tokens.Accept("FINAL");
  return optimize;
}

StatementPtr ParseCheck(TokenStream& tokens) {
  auto check = std::make_unique<CheckTableStatement>();
  tokens.Expect("CHECK");
  tokens.Expect("TABLE");
  check->table = ParseTableName(tokens);
  return check;
}

void ParseLike(TokenStream& tokens, ShowStatement& show) {
  show.not_like = tokens.Accept("NOT");
  show.case_insensitive = tokens.Accept("ILIKE");
  if (show.case_insensitive || tokens.Accept("LIKE")) {
    show.like = tokens.ExpectString("pattern in quotes");
  } else if (show.not_like) {
    tokens.Fail("LIKE");
  }
}

void ParseShowSubject(TokenStream& tokens, ShowStatement& show) {
  using What = ShowStatement::What;
  if (tokens.Accept("TABLES")) {
    show.what = What::kTables;
    if (tokens.Accept("FROM") || tokens.Accept("IN")) {
      show.database = tokens.ExpectIdentifier("name of a database");
    }
    ParseLike(tokens, show);
  } else if (tokens.Accept("DATABASES")) {
    show.what = What::kDatabases;
    ParseLike(tokens, show);
  } else if (tokens.Accept("SETTINGS")) {
    show.what = What::kSettings;
    ParseLike(tokens, show);
  } else if (tokens.Accept("PROCESSLIST")) {
    show.what = What::kProcesslist;
  } else if (tokens.Accept("CREATE")) {
    show.what = What::kCreateTable;
    show.is_view = AcceptViewOrTable(tokens);
    show.table = ParseTableName(tokens);
  } else if (tokens.Accept("INDEX") || tokens.Accept("INDEXES") || tokens.Accept("INDICES") ||
             tokens.Accept("KEYS")) {
    show.what = What::kIndexes;
    if (!tokens.Accept("FROM")) tokens.Expect("IN");
    show.table = ParseTableName(tokens);
  } else {
    tokens.Fail("TABLES");
  }
}

StatementPtr ParseShow(TokenStream& tokens) {
  auto show = std::make_unique<ShowStatement>();
  tokens.Expect("SHOW");
  ParseShowSubject(tokens, *show);
  return show;
}

StatementPtr ParseDescribe(TokenStream& tokens) {
  auto describe = std::make_unique<DescribeTableStatement>();
  if (!tokens.Accept("DESCRIBE")) tokens.Expect("DESC");
  tokens.Accept("TABLE");
  describe->table = ParseTableExpression(tokens);
  return describe;
}

StatementPtr ParseExists(TokenStream& tokens) {
  auto exists = std::make_unique<ExistsTableStatement>();
  tokens.Expect("EXISTS");
  exists->is_view = AcceptViewOrTable(tokens);
  exists->table = ParseTableName(tokens);
  return exists;
}

StatementPtr ParseUse(TokenStream& tokens) {
  auto use = std::make_unique<UseStatement>();
  tokens.Expect("USE");
  use->database = tokens.ExpectIdentifier("name of a database");
  return use;
}

void AppendCommandWord(TokenStream& tokens, std::string& command) {
  if (!tokens.At(TokenKind::kWord)) tokens.Fail("word of a SYSTEM command");
  if (!command.empty()) command += ' ';
  command += UpperWord(tokens.current_text());
  tokens.Advance();
}

// STOP, START, WAIT, WARM and RESTORE take one more word and perhaps a table; all words of other
// commands belong to their name.
StatementPtr ParseSystem(TokenStream& tokens) {
  auto system = std::make_unique<SystemStatement>();
  tokens.Expect("SYSTEM");
  const bool takes_table = tokens.At("STOP") || tokens.At("START") || tokens.At("WAIT") ||
                           tokens.At("WARM") || tokens.At("RESTORE");
  AppendCommandWord(tokens, system->command);
  AppendCommandWord(tokens, system->command);
  if (takes_table) {
    if (tokens.AtIdentifier()) system->table = ParseTableName(tokens);
  } else {
    while (tokens.At(TokenKind::kWord)) AppendCommandWord(tokens, system->command);
  }
  return system;
}

StatementPtr ParseSet(TokenStream& tokens) {
  auto set = std::make_unique<SetStatement>();
  tokens.Expect("SET");
  set->settings = ParseSettings(tokens);
  return set;
}

StatementPtr ParseKill(TokenStream& tokens) {
  auto kill = std::make_unique<KillQueryStatement>();
  tokens.Expect("KILL");
  tokens.Expect("QUERY");
  tokens.Expect("WHERE");
  kill->where = ParseExprWithoutAlias(tokens);
  kill->sync = tokens.Accept("SYNC");
  if (!kill->sync) tokens.Accept("ASYNC");
  return kill;
}

struct Family {
  std::string_view word;
  StatementPtr (*parse)(TokenStream&);
};

constexpr Family kFamilies[] = {
    {"SELECT", ParseSelectStatement},
    {"WITH", ParseSelectStatement},
    {"INSERT", ParseInsert},
    {"CREATE", ParseCreate},
    {"ALTER", ParseAlter},
    {"DROP", ParseDrop},
    {"TRUNCATE", ParseTruncate},
    {"RENAME", ParseRename},
    {"DETACH", ParseDetach},
    {"ATTACH", ParseAttach},
    {"DELETE", ParseDelete},
    {"UPDATE", ParseUpdate},
    {"OPTIMIZE", ParseOptimize},
    {"CHECK", ParseCheck},
    {"SHOW", ParseShow},
    {"DESCRIBE", ParseDescribe},
    {"DESC", ParseDescribe},
    {"EXISTS", ParseExists},
    {"USE", ParseUse},
    {"SYSTEM", ParseSystem},
    {"SET", ParseSet},
    {"EXPLAIN", [](TokenStream& tokens) -> StatementPtr { return ParseExplain(tokens); }},
    {"KILL", ParseKill},
};

StatementPtr ParseAnyStatement(TokenStream& tokens) {
  if (tokens.At(TokenKind::kOpenParen)) return ParseSelectStatement(tokens);
  for (const Family& family : kFamilies) {
    if (tokens.At(family.word)) return family.parse(tokens);
  }
  tokens.Fail("statement: SELECT, INSERT, CREATE, ...");
}

void SkipSemicolons(TokenStream& tokens) {
  while (tokens.At(TokenKind::kSemicolon)) tokens.Advance();
}

}  // namespace

std::unique_ptr<ExplainStatement> ParseExplain(TokenStream& tokens) {
  using What = ExplainStatement::What;
  constexpr std::pair<std::string_view, What> kKinds[] = {
      {"PLAN", What::kPlan},         {"AST", What::kAst},           {"SYNTAX", What::kSyntax},
      {"PIPELINE", What::kPipeline}, {"ESTIMATE", What::kEstimate}, {"RECALL", What::kRecall}};
  auto explain = std::make_unique<ExplainStatement>();
  tokens.Expect("EXPLAIN");
  for (const auto& [word, what] : kKinds) {
    if (tokens.Accept(word)) {
      explain->what = what;
      break;
    }
  }
  if (!AtSelect(tokens) && !tokens.At(TokenKind::kOpenParen)) {
    explain->options = ParseSettings(tokens);
  }
  explain->query = ParseQuery(tokens);
  return explain;
}

TableName ParseTableName(TokenStream& tokens) {
  TableName name;
  name.offset = tokens.offset();
  name.table = tokens.ExpectIdentifier("name of a table");
  if (tokens.At(TokenKind::kDot)) {
    tokens.Advance();
    name.database = std::exchange(name.table, tokens.ExpectIdentifier("name of a table"));
  }
  return name;
}

std::vector<std::string> ParseNamesInParens(TokenStream& tokens, std::string_view what) {
  std::vector<std::string> names;
  tokens.Expect(TokenKind::kOpenParen);
  do {
    names.push_back(tokens.ExpectIdentifier(what));
  } while (tokens.Accept(TokenKind::kComma));
  tokens.Expect(TokenKind::kCloseParen);
  return names;
}

std::vector<SettingChange> ParseSettings(TokenStream& tokens) {
  std::vector<SettingChange> settings;
  do {
    SettingChange& setting = settings.emplace_back();
    setting.offset = tokens.offset();
    setting.name = tokens.ExpectIdentifier("name of a setting");
    tokens.Expect(TokenKind::kEquals);
    const auto literal = ParseLiteral(tokens, "value of the setting: a number, string or array");
    setting.value = literal->value;
    setting.type = literal->type;
  } while (tokens.Peek(2).kind == TokenKind::kEquals && tokens.Accept(TokenKind::kComma));
  return settings;
}

std::vector<Assignment> ParseAssignments(TokenStream& tokens) {
  std::vector<Assignment> assignments;
  do {
    Assignment& assignment = assignments.emplace_back();
    assignment.column = tokens.ExpectIdentifier("column name");
    tokens.Expect(TokenKind::kEquals);
    assignment.expression = ParseExprWithoutAlias(tokens);
  } while (tokens.Accept(TokenKind::kComma));
  return assignments;
}

ParsedStatement ParseNextStatement(std::string_view text, size_t offset,
                                   const ParseLimits& limits) {
  TokenStream tokens(text, offset, limits);
  SkipSemicolons(tokens);
  if (tokens.At(TokenKind::kEnd)) return {nullptr, text.size()};
  StatementPtr statement = ParseAnyStatement(tokens);
  if (statement->kind != StatementKind::kInsert) ParseLastClauses(tokens, *statement);
  if (!tokens.Accept(TokenKind::kSemicolon) && !tokens.Accept(TokenKind::kEnd)) {
    tokens.Fail("end of query");
  }
  return {std::move(statement), tokens.previous_end()};
}

StatementPtr ParseStatement(std::string_view text, const ParseLimits& limits) {
  ParsedStatement parsed = ParseNextStatement(text, 0, limits);
  TokenStream rest(text, parsed.next, limits);
  SkipSemicolons(rest);
  if (!rest.At(TokenKind::kEnd)) rest.Fail("end of query: one statement at a time");
  if (!parsed.statement) rest.Fail("statement: SELECT, INSERT, CREATE, ...");
  return std::move(parsed.statement);
}

ExprPtr ParseExpression(std::string_view text, const ParseLimits& limits) {
  TokenStream tokens(text, 0, limits);
  ExprPtr expr = ParseExpr(tokens);
  if (!tokens.At(TokenKind::kEnd)) tokens.Fail("end of the expression");
  return expr;
}

}  // namespace granary::sql
