#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/parser.h"
#include "granary/tests/query/sql_statements.h"

namespace granary::sql {
namespace {

std::string Reformat(std::string_view sql) { return FormatStatement(*ParseStatement(sql)); }

template <class T>
const T& Get(const StatementPtr& statement) {
  const T* concrete = As<T>(*statement);
  if (!concrete) throw std::runtime_error("another kind of statement");
  return *concrete;
}

TEST(SqlStatement, CanonicalTextIsAFixedPoint) {
  std::set<StatementKind> kinds;
  for (const char* sql : CanonicalStatements()) {
    const StatementPtr statement = ParseStatement(sql);
    kinds.insert(statement->kind);
    EXPECT_EQ(FormatStatement(*statement), sql);
  }
  EXPECT_EQ(kinds.size(), static_cast<size_t>(StatementKind::kKillQuery) + 1);
}

TEST(SqlStatement, OtherSpellings) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"select 1 a, 2 \"b c\" from t x;", "SELECT 1 AS a, 2 AS `b c` FROM t AS x"},
      {"SELECT a FROM t LIMIT 1, 2", "SELECT a FROM t LIMIT 2 OFFSET 1"},
      {"SELECT a FROM t ORDER BY a OFFSET 1 ROW FETCH NEXT 2 ROWS WITH TIES",
       "SELECT a FROM t ORDER BY a LIMIT 2 OFFSET 1 WITH TIES"},
      {"SELECT DISTINCT ON (a, b) c FROM t FETCH FIRST 2 ROWS ONLY",
       "SELECT c FROM t LIMIT 1 BY a, b LIMIT 2"},
      {"SELECT 1 WHERE NOT EXISTS (SELECT 1)", "SELECT 1 WHERE NOT exists((SELECT 1))"},
      {"SELECT a GLOBAL NOT IN (1, 2)", "SELECT a NOT IN (1, 2)"},
      {"SELECT a FROM t LIMIT 1, 2 BY b LIMIT 3", "SELECT a FROM t LIMIT 2 OFFSET 1 BY b LIMIT 3"},
      {"SELECT a FROM t LIMIT 1 WITH TIES OFFSET 2 ROWS",
       "SELECT a FROM t LIMIT 1 OFFSET 2 WITH TIES"},
      {"SELECT a FROM t ORDER BY a ASC NULLS LAST, b DESCENDING",
       "SELECT a FROM t ORDER BY a, b DESC"},
      {"SELECT a FROM t JOIN u USING a", "SELECT a FROM t INNER JOIN u USING (a)"},
      {"SELECT a FROM t LEFT OUTER JOIN u USING a, b", "SELECT a FROM t LEFT JOIN u USING (a, b)"},
      {"SELECT a FROM t LEFT ANY JOIN u ON 1", "SELECT a FROM t ANY LEFT JOIN u ON 1"},
      {"SELECT a FROM t AS x FINAL WHERE b", "SELECT a FROM t AS x FINAL WHERE b"},
      {"(SELECT 1) UNION ALL (SELECT 2 UNION ALL SELECT 3)",
       "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"},
      {"SELECT * FROM ((SELECT 1) UNION ALL (SELECT 2))",
       "SELECT * FROM (SELECT 1 UNION ALL SELECT 2)"},
      {"INSERT INTO TABLE t VALUES (1)", "INSERT INTO t FORMAT Values"},
      {"INSERT INTO t (SELECT 1)", "INSERT INTO t SELECT 1"},
      {"INSERT INTO t WITH 1 AS a SELECT a", "INSERT INTO t WITH 1 AS a SELECT a"},
      {"CREATE TABLE t (a UInt8, PRIMARY KEY (a))",
       "CREATE TABLE t\n(\n    a UInt8\n)\nPRIMARY KEY a"},
      {"CREATE TABLE t (a UInt8 NOT NULL) ENGINE MergeTree() ORDER BY (a)",
       "CREATE TABLE t\n(\n    a UInt8\n)\nENGINE = MergeTree\nORDER BY a"},
      {"CREATE INDEX i ON t (a, b) TYPE bloom_filter(0.01)",
       "CREATE INDEX i ON t ((a, b)) TYPE bloom_filter(0.01)"},
      {"ALTER TABLE t ADD INDEX i(a) TYPE minmax", "ALTER TABLE t ADD INDEX i a TYPE minmax"},
      {"ALTER TABLE t DROP PARTITION ID 'x'", "ALTER TABLE t DELETE IN PARTITION ID 'x' WHERE 1"},
      {"TRUNCATE t", "TRUNCATE TABLE t"},
      {"DESC t", "DESCRIBE TABLE t"},
      {"EXISTS t", "EXISTS TABLE t"},
      {"SHOW CREATE t", "SHOW CREATE TABLE t"},
      {"SHOW INDEXES IN t", "SHOW INDEX FROM t"},
      {"SHOW KEYS FROM t", "SHOW INDEX FROM t"},
      {"system stop merges t", "SYSTEM STOP MERGES t"},
      {"EXPLAIN PLAN SELECT 1", "EXPLAIN SELECT 1"},
      {"KILL QUERY WHERE a", "KILL QUERY WHERE a ASYNC"},
      {"-- comment\nSELECT /* a */ 1 -- end", "SELECT 1"},
  };
  for (const auto& [sql, canonical] : cases) {
    EXPECT_EQ(Reformat(sql), canonical);
    EXPECT_EQ(Reformat(canonical), canonical);
  }
}

TEST(SqlStatement, CreateTableHasItsParts) {
  const StatementPtr statement = ParseStatement(
      "CREATE TABLE db.t (id UInt32, v Array( Float32 ), INDEX i v TYPE "
      "vector_similarity('hnsw', cosineDistance, 2) GRANULARITY 3) ENGINE = MergeTree "
      "ORDER BY tuple() SETTINGS index_granularity = 3");
  const auto& create = Get<CreateTableStatement>(statement);
  EXPECT_EQ(create.table.database, "db");
  EXPECT_EQ(create.table.table, "t");
  ASSERT_EQ(create.columns.size(), 2u);
  EXPECT_EQ(create.columns[1].type, "Array(Float32)");
  ASSERT_EQ(create.indexes.size(), 1u);
  const IndexDefinition& index = create.indexes[0];
  EXPECT_EQ(index.type, "vector_similarity");
  ASSERT_EQ(index.arguments.size(), 3u);
  EXPECT_FALSE(index.arguments[0].is_identifier);
  EXPECT_TRUE(index.arguments[1].is_identifier);
  EXPECT_EQ(index.arguments[1].value.as_string(), "cosineDistance");
  EXPECT_EQ(index.arguments[2].value.as_uint(), 2u);
  EXPECT_EQ(index.granularity, 3u);
  ASSERT_TRUE(create.order_by.has_value());
  EXPECT_TRUE(create.order_by->empty());
  EXPECT_FALSE(create.primary_key.has_value());
  ASSERT_EQ(create.table_settings.size(), 1u);
  EXPECT_EQ(create.table_settings[0].value.as_uint(), 3u);
}

std::string DataOf(std::string_view sql) {
  const StatementPtr statement = ParseNextStatement(sql, 0).statement;
  const auto& insert = Get<InsertStatement>(statement);
  return std::string(sql.substr(insert.data->begin, insert.data->end - insert.data->begin));
}

TEST(SqlStatement, InlineDataIsARangeOfBytes) {
  EXPECT_EQ(DataOf("INSERT INTO t VALUES (1, ';')  (2, 'it''s;') ; SELECT 1"),
            " (1, ';')  (2, 'it''s;') ");
  EXPECT_EQ(DataOf("INSERT INTO t VALUES ('a\\';b', \";\") -- x;y\n, (1) /* ; */;x"),
            " ('a\\';b', \";\") -- x;y\n, (1) /* ; */");
  EXPECT_EQ(DataOf("INSERT INTO t FORMAT Values (1);"), " (1)");
  EXPECT_EQ(DataOf("INSERT INTO t VALUES"), "");
  EXPECT_EQ(DataOf("INSERT INTO t VALUES ('never closed; SELECT 1"), " ('never closed; SELECT 1");
  EXPECT_EQ(DataOf("INSERT INTO t FORMAT CSV\n1,a;b\n2,c\n"), "1,a;b\n2,c\n");
  EXPECT_EQ(DataOf("INSERT INTO t FORMAT CSV  \r\n\n1"), "\n1");
  EXPECT_EQ(DataOf("INSERT INTO t FORMAT JSONEachRow {\"a\": 1}"), "{\"a\": 1}");
  EXPECT_EQ(DataOf("INSERT INTO t FORMAT CSV"), "");
  EXPECT_EQ(DataOf("INSERT INTO t FORMAT CSV ; SELECT 1"), "");
}

TEST(SqlStatement, ScriptsAreReadStatementByStatement) {
  const std::string script =
      ";; SELECT 1; -- a;b\nINSERT INTO t VALUES (1), (';');\n\nSET a = 1;; "
      "INSERT INTO t FORMAT CSV\n1;2\n";
  std::vector<std::string> statements;
  size_t offset = 0;
  while (true) {
    ParsedStatement parsed = ParseNextStatement(script, offset);
    if (!parsed.statement) break;
    ASSERT_GT(parsed.next, offset);
    offset = parsed.next;
    statements.push_back(FormatStatement(*parsed.statement));
  }
  EXPECT_EQ(offset, script.size());
  EXPECT_EQ(statements, (std::vector<std::string>{"SELECT 1", "INSERT INTO t FORMAT Values",
                                                  "SET a = 1", "INSERT INTO t FORMAT CSV"}));
  EXPECT_EQ(ParseNextStatement(" ; -- nothing", 0).statement, nullptr);
}

TEST(SqlStatement, ScriptMayFailLaterThanItsFirstStatement) {
  const std::string script = "SELECT 1; SELECT FROM";
  const ParsedStatement first = ParseNextStatement(script, 0);
  ASSERT_NE(first.statement, nullptr);
  EXPECT_EQ(first.next, 9u);
  EXPECT_THROW(ParseNextStatement(script, first.next), Error);
}

}  // namespace
}  // namespace granary::sql
