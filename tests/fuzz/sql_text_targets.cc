// SQL as text: what is no SQL at all, and statements as people write them, changed a little.
#include <algorithm>

#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/lexer.h"
#include "granary/query/sql/parser.h"
#include "granary/tests/fuzz/small_database.h"
#include "granary/tests/fuzz/targets.h"
#include "granary/tests/query/sql_statements.h"

namespace granary::fuzz {
namespace {

constexpr const char* kExpressions[] = {
    "a BETWEEN 1 AND 2 AND NOT b IN (1, 'x') OR c[1]::UInt8 IS NULL ? -1 : [1, 2.5, -3]",
    "CASE x WHEN 1 THEN 'a' ELSE $t$b$t$ END || substring(s FROM 1 FOR 2) LIKE '%\\_'",
    "arrayMap((x, y) -> x * -y + CAST(1 AS Array(UInt8)), [nan, -inf], (a, tuple(b), ()))",
    "EXTRACT(DAY FROM d + INTERVAL 3 DAY) - INTERVAL '1 week' + TRIM(BOTH ' ' FROM x'41')",
    "quantile(0.5)(DISTINCT t.a AS b) + {p:Array(Float32)} + (SELECT 1 UNION ALL SELECT 2)",
};

constexpr const char* kStatements[] = {
    "SELECT * FROM t WHERE c = 1 ORDER BY L2Distance(v, [3., 1.]) LIMIT 3",
    "SELECT id, cosineDistance(w, [1., 2., 3.]) AS dist FROM u ORDER BY dist, id LIMIT 2 OFFSET 1",
    "SELECT q.id, t.id FROM e AS q, t ORDER BY L2Distance(t.v, q.v) LIMIT 2 BY q.id",
    "SELECT c, count(), uniqExact(s), quantile(0.5)(f), groupArray(id) FROM t GROUP BY c HAVING "
    "count() > 1 ORDER BY c DESC LIMIT 5 WITH TIES",
    "SELECT DISTINCT s, length(a) FROM t WHERE s LIKE 'n%' AND (id, c) IN (SELECT id, c FROM t) "
    "ORDER BY ALL LIMIT 1 BY s",
    "INSERT INTO t (id, s, v) VALUES (7, 'it''s', [1, 2]), (8, DEFAULT, [1 + 1, 3])",
    "INSERT INTO e FORMAT JSONEachRow {\"id\": 1, \"v\": [1, 2.5]}",
    "INSERT INTO e FORMAT CSV\n1,\"[1, 2]\",x\n2,\"[]\",",
    "INSERT INTO e (id) SELECT id FROM u WHERE exists(SELECT 1 FROM t WHERE id = 3)",
    "CREATE TABLE n (k UInt64, v Array(Float32), INDEX i v TYPE vector_similarity('hnsw', "
    "'dotProduct', 3, 'bf16', 8, 32) GRANULARITY 2) ENGINE = MergeTree ORDER BY k; "
    "INSERT INTO n VALUES (1, [1, 2, 3]), (2, [3, 2, 1]); "
    "SELECT k FROM n ORDER BY dotProduct(v, [1., 0., 0.]) DESC LIMIT 1; OPTIMIZE TABLE n FINAL",
    "ALTER TABLE t DROP INDEX mm, ADD INDEX m2 length(s) TYPE minmax GRANULARITY 1; "
    "ALTER TABLE t MATERIALIZE INDEX m2; SELECT id FROM t WHERE length(s) > 1",
    "DELETE FROM t WHERE id IN (2, 3) OR s = 'n4'; SELECT count() FROM t; OPTIMIZE TABLE t FINAL",
    "UPDATE t SET s = concat(s, '!'), f = id * 2 WHERE c = 0; CHECK TABLE t",
    "EXPLAIN indexes = 1 SELECT id FROM t WHERE i > 3 AND s = 'n1' ORDER BY L2Distance(v, [1, 1]) "
    "LIMIT 2",
    "SHOW CREATE TABLE t; DESCRIBE TABLE u; SHOW TABLES LIKE '%'; EXISTS TABLE e; SHOW INDEX FROM "
    "t",
    "SELECT name, rows FROM system.parts; SELECT * FROM system.columns WHERE table = 'u' FORMAT "
    "Vertical",
    "WITH x AS (SELECT id AS k FROM t LIMIT 3) SELECT * FROM x UNION ALL SELECT number FROM "
    "numbers(2) FORMAT PrettyCompact",
    "SET hnsw_candidate_list_size_for_search = 3; SELECT id FROM t ORDER BY L2Distance(v, "
    "{q:Array(Float32)}) LIMIT {k:UInt8} SETTINGS vector_search_filter_strategy = 'prefilter'",
    "RENAME TABLE e TO f; TRUNCATE TABLE f; DROP TABLE IF EXISTS f SYNC; SELECT 1 + 1 FORMAT Null",
};

std::string ColumnNames(const sql::Statement& statement) {
  std::string names;
  const auto* const select = sql::As<sql::SelectStatement>(statement);
  if (select == nullptr) return names;
  for (const sql::ExprPtr& column : select->query->selects[0].columns) {
    names += sql::ColumnName(*column) + "; ";
  }
  return names;
}

void ReadTokens(std::string_view text) {
  for (size_t offset = 0;;) {
    const sql::Token token = sql::NextToken(text, offset);
    Expect(offset <= token.begin && token.begin <= token.end && token.end <= text.size(),
           [&] { return "a token outside of the text at " + std::to_string(offset); });
    if (token.kind == sql::TokenKind::kEnd) return;
    Expect(token.end > token.begin, [&] { return "an empty token"; });
    offset = token.end;
  }
}

// What an Error is thrown for must not be what the library wrote itself.
template <class Parse>
auto Again(const std::string& text, const Parse& parse) {
  try {
    return parse(text);
  } catch (const Error& error) {
    throw Finding("its own text does not parse: " + text + "\n" + error.what());
  }
}

void CheckStatement(const sql::Statement& statement) {
  const std::string text = FormatStatement(statement);
  const sql::StatementPtr again =
      Again(text, [](const std::string& own) { return sql::ParseStatement(own); });
  Expect(FormatStatement(*again) == text, [&] { return "another text the second time: " + text; });
  Expect(ColumnNames(*again) == ColumnNames(statement), [&] { return "other columns: " + text; });
}

bool ParseExpressionText(std::string_view text) {
  sql::ExprPtr expression;
  try {
    expression = sql::ParseExpression(text);
  } catch (const Error&) {
    return false;
  }
  const std::string own = FormatExpr(*expression);
  const sql::ExprPtr again =
      Again(own, [](const std::string& text_again) { return sql::ParseExpression(text_again); });
  Expect(FormatExpr(*again) == own, [&] { return "another text the second time: " + own; });
  Expect(ColumnName(*again) == ColumnName(*expression), [&] { return "another name: " + own; });
  return true;
}

bool Parse(Input input) {
  const std::string_view text = ToText(input);
  ReadTokens(text);
  const bool is_expression = ParseExpressionText(text);
  size_t statements = 0;
  try {
    for (size_t offset = 0; offset < text.size();) {
      const sql::ParsedStatement parsed = sql::ParseNextStatement(text, offset);
      if (parsed.statement == nullptr) break;
      Expect(parsed.next > offset && parsed.next <= text.size(), [] { return "no progress"; });
      CheckStatement(*parsed.statement);
      offset = parsed.next;
      ++statements;
    }
  } catch (const Error&) {
    if (!is_expression) throw;
  }
  return is_expression || statements > 0;
}

std::vector<Seed> ParserSeeds() {
  std::vector<Seed> seeds;
  auto add = [&](std::string_view text) {
    seeds.push_back({std::to_string(seeds.size()), ToBytes(text)});
  };
  for (const char* text : sql::CanonicalStatements()) add(text);
  for (const char* text : kExpressions) add(text);
  return seeds;
}

// A statement may lift the limit of time, and would then be right to run for ever.
bool LiftsLimits(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("max_execution_time") != lower.npos;
}

bool RunText(Input input) {
  constexpr size_t kStatementsMax = 8;
  const std::string_view text = ToText(input);
  if (LiftsLimits(text)) return false;
  const auto database = OpenSmall(SmallDisk());
  ExecuteOptions options;
  database->Execute("SET param_k = 3");
  database->Execute("SET param_q = '[1, 1]'");
  size_t offset = 0;
  size_t succeeded = 0;
  for (size_t i = 0; i < kStatementsMax && offset < text.size(); ++i) {
    const sql::ParsedStatement parsed = sql::ParseNextStatement(text, offset);
    if (parsed.statement == nullptr) break;
    try {
      Run(*database, text.substr(offset, parsed.next - offset));
      ++succeeded;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kLogicalError) throw;
    }
    offset = parsed.next;
  }
  return succeeded > 0;
}

std::vector<Seed> StatementSeeds() {
  std::vector<Seed> seeds;
  for (const char* text : kStatements) {
    seeds.push_back({std::to_string(seeds.size()), ToBytes(text)});
  }
  return seeds;
}

std::vector<std::string> SqlWords() {
  return {"(",
          ")",
          "[",
          "]",
          "{",
          "}",
          "'",
          "\"",
          "`",
          ",",
          ";",
          ".",
          "::",
          "->",
          "?",
          ":",
          "--",
          "/*",
          "*/",
          "$$",
          "\\",
          " NOT ",
          " IN ",
          " AS ",
          " SELECT ",
          " FROM ",
          "-",
          "1",
          "1e5",
          "0x",
          "x'",
          " BY ",
          " NULL ",
          " BETWEEN ",
          " CASE ",
          " END ",
          "*",
          " AND ",
          " OR ",
          " WITH ",
          " SET ",
          "\n",
          "#",
          " UNION ALL ",
          "(((((",
          "[[[[[",
          "nan",
          "\xff",
          " CAST(",
          "NOT(",
          "{a:Int8}",
          " WHERE ",
          " GROUP BY ",
          " ORDER BY ",
          " LIMIT ",
          " OFFSET ",
          " HAVING ",
          " DISTINCT ",
          " FINAL ",
          " SETTINGS ",
          " FORMAT ",
          "INSERT INTO ",
          "CREATE TABLE ",
          "ALTER TABLE ",
          "DELETE FROM ",
          "UPDATE ",
          " VALUES ",
          "Array(",
          "Float32",
          "UInt64",
          "L2Distance(v, ",
          "count()",
          "arrayMap(",
          " x -> ",
          "numbers(",
          "toDate(",
          "18446744073709551615",
          "-9223372036854775808",
          " CROSS JOIN ",
          " ON ",
          "EXPLAIN ",
          " INTERVAL 1 DAY ",
          "DATE '2024-01-01'",
          "if(",
          "sumIf(",
          "[]",
          "''"};
}

}  // namespace

void AddSqlTextTargets(std::vector<Target>& targets) {
  targets.push_back({"parser", Parse, ParserSeeds, SqlWords, 2048});
  targets.push_back({"statement_text", RunText, StatementSeeds, SqlWords, 2048});
}

}  // namespace granary::fuzz
