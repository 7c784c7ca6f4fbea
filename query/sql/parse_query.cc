#include <algorithm>
#include <iterator>
#include <utility>

#include "granary/query/sql/grammar.h"
#include "granary/query/sql/keywords.h"
#include "granary/query/sql/literals.h"
#include "granary/table/error.h"

namespace granary::sql {
namespace {

// An alias without AS: a word that can't begin what follows.
bool AtImplicitAlias(const TokenStream& tokens) {
  if (tokens.At(TokenKind::kQuotedIdentifier)) return true;
  const bool is_comment_of_view = tokens.At("COMMENT") && tokens.Peek(1).kind == TokenKind::kString;
  if (is_comment_of_view) return false;
  return tokens.At(TokenKind::kWord) && !IsClauseWord(tokens.current_text());
}

// WITH name AS (SELECT ...), WITH expression AS name
WithItem ParseWithItem(TokenStream& tokens) {
  WithItem item;
  const bool names_query = tokens.AtIdentifier() &&
                           EqualWords(tokens.TextOf(tokens.Peek(1)), "AS") &&
                           tokens.Peek(2).kind == TokenKind::kOpenParen;
  if (names_query) {
    item.name = tokens.ExpectIdentifier("name of the query");
    tokens.Expect("AS");
    tokens.Expect(TokenKind::kOpenParen);
    item.query = ParseQuery(tokens);
    tokens.Expect(TokenKind::kCloseParen);
  } else {
    item.expression = ParseExpr(tokens);
    if (item.expression->alias.empty()) tokens.Fail("AS");
    item.name = item.expression->alias;
  }
  return item;
}

ExprPtr ParseSelectColumn(TokenStream& tokens) {
  ExprPtr column = ParseExpr(tokens);
  if (column->alias.empty() && AtImplicitAlias(tokens)) SetAlias(tokens, column);
  return column;
}

OrderItem ParseOrderItem(TokenStream& tokens) {
  OrderItem item;
  item.expression = ParseExpr(tokens);
  if (tokens.Accept("DESC") || tokens.Accept("DESCENDING")) {
    item.descending = true;
  } else if (!tokens.Accept("ASC")) {
    tokens.Accept("ASCENDING");
  }
  if (tokens.Accept("NULLS")) {
    item.nulls_first = tokens.Accept("FIRST");
    if (!item.nulls_first) tokens.Expect("LAST");
  }
  return item;
}

void ParseOrderBy(TokenStream& tokens, Select& select) {
  if (!tokens.Accept("ORDER BY")) return;
  select.order_by_all = tokens.Accept("ALL");
  if (select.order_by_all) return;
  do {
    select.order_by.push_back(ParseOrderItem(tokens));
  } while (tokens.Accept(TokenKind::kComma));
}

void ParseGroupBy(TokenStream& tokens, Select& select) {
  if (!tokens.Accept("GROUP BY")) return;
  select.group_by_all = tokens.Accept("ALL");
  if (!select.group_by_all) select.group_by = ParseExprList(tokens);
}

void ParseOffset(TokenStream& tokens, Select& select) {
  if (select.offset || !tokens.Accept("OFFSET")) return;
  select.offset = ParseExprWithoutAlias(tokens);
  if (!tokens.Accept("ROWS")) tokens.Accept("ROW");
}

// LIMIT n, LIMIT m, n, LIMIT n OFFSET m, each followed by BY columns or not; true if it was.
bool ParseLimit(TokenStream& tokens, Select& select) {
  ExprPtr limit = ParseExprWithoutAlias(tokens);
  ExprPtr offset;
  if (tokens.Accept(TokenKind::kComma)) {
    offset = std::exchange(limit, ParseExprWithoutAlias(tokens));
  } else if (tokens.Accept("OFFSET")) {
    offset = ParseExprWithoutAlias(tokens);
  }
  if (!select.limit_by && tokens.Accept("BY")) {
    select.limit_by = LimitBy{std::move(limit), std::move(offset), ParseExprList(tokens)};
    return true;
  }
  select.limit = std::move(limit);
  select.offset = std::move(offset);
  select.with_ties = tokens.Accept("WITH TIES");
  return false;
}

// FETCH FIRST n ROWS ONLY, another spelling of LIMIT n.
void ParseFetch(TokenStream& tokens, Select& select) {
  if (select.limit || !tokens.Accept("FETCH")) return;
  if (!tokens.Accept("FIRST")) tokens.Expect("NEXT");
  select.limit = ParseExprWithoutAlias(tokens);
  if (!tokens.Accept("ROWS")) tokens.Expect("ROW");
  select.with_ties = tokens.Accept("WITH TIES");
  if (!select.with_ties) tokens.Expect("ONLY");
}

// Not inlined, as what it needs would be in the frame of each of many nested SELECTs.
[[gnu::noinline]] void ParseLimits(TokenStream& tokens, Select& select) {
  if (tokens.Accept("LIMIT") && ParseLimit(tokens, select) && tokens.Accept("LIMIT")) {
    ParseLimit(tokens, select);
  }
  ParseOffset(tokens, select);
  ParseFetch(tokens, select);
  if (select.limit && !select.with_ties) select.with_ties = tokens.Accept("WITH TIES");
}

JoinStrictness ParseStrictness(TokenStream& tokens) {
  if (tokens.Accept("ANY")) return JoinStrictness::kAny;
  if (tokens.Accept("SEMI")) return JoinStrictness::kSemi;
  if (tokens.Accept("ANTI")) return JoinStrictness::kAnti;
  if (tokens.Accept("ASOF")) return JoinStrictness::kAsof;
  tokens.Accept("ALL");
  return JoinStrictness::kAll;
}

// LEFT [OUTER], INNER, CROSS, ...; none is INNER.
JoinKind ParseJoinKind(TokenStream& tokens) {
  JoinKind kind = JoinKind::kInner;
  if (tokens.Accept("CROSS")) return JoinKind::kCross;
  if (tokens.Accept("INNER")) return JoinKind::kInner;
  if (tokens.Accept("LEFT")) {
    kind = JoinKind::kLeft;
  } else if (tokens.Accept("RIGHT")) {
    kind = JoinKind::kRight;
  } else if (tokens.Accept("FULL")) {
    kind = JoinKind::kFull;
  } else {
    return kind;
  }
  tokens.Accept("OUTER");
  return kind;
}

bool AtJoin(const TokenStream& tokens) {
  constexpr std::string_view kWords[] = {"ANY",  "SEMI",  "ANTI",  "ASOF", "ALL", "CROSS",
                                         "LEFT", "INNER", "RIGHT", "FULL", "JOIN"};
  return std::ranges::any_of(kWords, [&](std::string_view word) { return tokens.At(word); });
}

// The strictness stands before or after the kind: ANY LEFT JOIN, LEFT ANY JOIN.
Join ParseJoinHead(TokenStream& tokens) {
  Join join;
  if (tokens.Accept(TokenKind::kComma)) return join;
  join.strictness = ParseStrictness(tokens);
  join.kind = ParseJoinKind(tokens);
  if (join.strictness == JoinStrictness::kAll) join.strictness = ParseStrictness(tokens);
  tokens.Expect("JOIN");
  return join;
}

void ParseJoinCondition(TokenStream& tokens, Join& join) {
  if (join.kind == JoinKind::kComma || join.kind == JoinKind::kCross) return;
  if (tokens.Accept("ON")) {
    join.on = ParseExprWithoutAlias(tokens);
    return;
  }
  tokens.Expect("USING");
  if (tokens.At(TokenKind::kOpenParen)) {
    join.using_columns = ParseNamesInParens(tokens, "column name");
    return;
  }
  do {
    join.using_columns.push_back(tokens.ExpectIdentifier("column name"));
  } while (tokens.Accept(TokenKind::kComma));
}

std::vector<TableExpression> ParseFrom(TokenStream& tokens) {
  std::vector<TableExpression> tables = {ParseTableExpression(tokens)};
  while (tokens.At(TokenKind::kComma) || AtJoin(tokens)) {
    Join join = ParseJoinHead(tokens);
    TableExpression table = ParseTableExpression(tokens);
    ParseJoinCondition(tokens, join);
    table.join = std::move(join);
    tables.push_back(std::move(table));
  }
  return tables;
}

// DISTINCT ON (a, b) is LIMIT 1 BY a, b. Not inlined, like ParseLimits.
[[gnu::noinline]] void ParseDistinct(TokenStream& tokens, Select& select) {
  if (!tokens.Accept("DISTINCT")) return;
  select.distinct = !tokens.Accept("ON");
  if (select.distinct) return;
  tokens.Expect(TokenKind::kOpenParen);
  select.limit_by = LimitBy{MakeNumber("1", /*negative=*/false), nullptr, ParseExprList(tokens)};
  tokens.Expect(TokenKind::kCloseParen);
}

Select ParseSelect(TokenStream& tokens) {
  Select select;
  select.offset_in_text = tokens.offset();
  if (tokens.Accept("WITH")) {
    do {
      select.with.push_back(ParseWithItem(tokens));
    } while (tokens.Accept(TokenKind::kComma));
  }
  tokens.Expect("SELECT");
  ParseDistinct(tokens, select);
  do {
    select.columns.push_back(ParseSelectColumn(tokens));
  } while (tokens.Accept(TokenKind::kComma));
  if (tokens.Accept("FROM")) select.from = ParseFrom(tokens);
  if (tokens.Accept("PREWHERE")) select.prewhere = ParseExpr(tokens);
  if (tokens.Accept("WHERE")) select.where = ParseExpr(tokens);
  ParseGroupBy(tokens, select);
  if (tokens.Accept("HAVING")) select.having = ParseExpr(tokens);
  ParseOrderBy(tokens, select);
  ParseLimits(tokens, select);
  if (tokens.Accept("SETTINGS")) select.settings = ParseSettings(tokens);
  return select;
}

void AddSize(const TableExpression& table, TreeSize& size) {
  size.Add(table.function);
  size.Add(table.subquery);
  if (table.explain) size.Add(table.explain->query);
  size.Add(table.join.on);
}

void AddSize(const Select& select, TreeSize& size) {
  for (const WithItem& item : select.with) {
    size.Add(item.expression);
    size.Add(item.query);
  }
  size.Add(select.columns);
  for (const TableExpression& table : select.from) AddSize(table, size);
  size.Add(select.prewhere);
  size.Add(select.where);
  size.Add(select.group_by);
  size.Add(select.having);
  for (const OrderItem& item : select.order_by) size.Add(item.expression);
  if (select.limit_by) {
    size.Add(select.limit_by->limit);
    size.Add(select.limit_by->offset);
    size.Add(select.limit_by->columns);
  }
  size.Add(select.limit);
  size.Add(select.offset);
}

Query ParseUnion(TokenStream& tokens);

// A SELECT, or a query in parentheses.
Query ParseUnionBranch(TokenStream& tokens) {
  Query branch;
  if (tokens.Accept(TokenKind::kOpenParen)) {
    branch = ParseUnion(tokens);
    tokens.Expect(TokenKind::kCloseParen);
  } else {
    branch.selects.push_back(ParseSelect(tokens));
  }
  return branch;
}

void AppendBranch(Query& query, Query branch, bool distinct) {
  const bool mixed = (query.selects.size() > 1 && query.union_distinct != distinct) ||
                     (branch.selects.size() > 1 && branch.union_distinct != distinct);
  if (mixed) {
    throw Error(ErrorCode::kNotImplemented,
                "UNION ALL and UNION DISTINCT can't be mixed in one query; put one of them into a "
                "subquery in FROM");
  }
  query.union_distinct = distinct;
  std::move(branch.selects.begin(), branch.selects.end(), std::back_inserter(query.selects));
}

// WITH of the first SELECT reaches the others, but for names that they define themselves.
void ShareWith(Query& query) {
  const std::vector<WithItem>& shared = query.selects.front().with;
  for (size_t i = 1; i < query.selects.size() && !shared.empty(); ++i) {
    std::vector<WithItem> with = shared;
    for (WithItem& own : query.selects[i].with) {
      std::erase_if(with, [&](const WithItem& item) { return item.name == own.name; });
      with.push_back(std::move(own));
    }
    query.selects[i].with = std::move(with);
  }
}

Query ParseUnion(TokenStream& tokens) {
  DepthGuard guard(tokens);
  Query query = ParseUnionBranch(tokens);
  while (tokens.Accept("UNION")) {
    const bool distinct = tokens.Accept("DISTINCT");
    if (!distinct) tokens.Expect("ALL");
    AppendBranch(query, ParseUnionBranch(tokens), distinct);
  }
  ShareWith(query);
  return query;
}

void ParseTableSource(TokenStream& tokens, TableExpression& table) {
  if (tokens.Accept(TokenKind::kOpenParen)) {
    if (tokens.At("EXPLAIN")) {
      table.explain = ParseExplain(tokens);
    } else {
      table.subquery = ParseQuery(tokens);
    }
    tokens.Expect(TokenKind::kCloseParen);
  } else if (tokens.AtIdentifier() && tokens.Peek(1).kind == TokenKind::kOpenParen) {
    table.function = ParseCall(tokens);
  } else if (tokens.AtIdentifier() && tokens.Peek(1).kind == TokenKind::kDot &&
             tokens.Peek(3).kind == TokenKind::kOpenParen) {
    table.function_database = tokens.ExpectIdentifier("name of a database");
    tokens.Expect(TokenKind::kDot);
    table.function = ParseCall(tokens);
  } else {
    table.table = ParseTableName(tokens);
  }
}

}  // namespace

bool AtSelect(const TokenStream& tokens, size_t ahead) {
  const Token token = tokens.Peek(ahead);
  const std::string_view word = tokens.TextOf(token);
  return token.kind == TokenKind::kWord && (EqualWords(word, "SELECT") || EqualWords(word, "WITH"));
}

QueryPtr ParseQuery(TokenStream& tokens) {
  auto query = MakeCharged<Query>(ParseUnion(tokens));
  TreeSize size;
  for (const Select& select : query->selects) AddSize(select, size);
  SetSize(tokens, size, *query);
  return query;
}

TableExpression ParseTableExpression(TokenStream& tokens) {
  TableExpression table;
  table.offset = tokens.offset();
  ParseTableSource(tokens, table);
  table.final = tokens.Accept("FINAL");
  if (tokens.Accept("AS") || AtImplicitAlias(tokens)) {
    table.alias = tokens.ExpectIdentifier("alias of the table");
  }
  if (!table.final) table.final = tokens.Accept("FINAL");
  return table;
}

}  // namespace granary::sql
