// Text that is wrong, too deep, too big or random: a clear error, never a crash or a hang.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/parser.h"
#include "granary/tests/query/sql_statements.h"
#include "granary/tests/random_seed.h"

namespace granary::sql {
namespace {

Error ErrorOf(const std::string& sql, const ParseLimits& limits = {}) {
  try {
    ParseStatement(sql, limits);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kLogicalError, "no error");
}

TEST(SqlErrors, SayWhereAndWhatWasExpected) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"SELECT a FORM t",
       "Syntax error at position 15 (line 1, column 15): met 't' in: t. Expected one of: ',', "
       "FROM, "
       "PREWHERE, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT, OFFSET, FETCH, SETTINGS, UNION, INTO "
       "OUTFILE, "
       "FORMAT, ';', end of query"},
      {"SELECT 1,\n  FROM t",
       "Syntax error at position 13 (line 2, column 3): met 'FROM' in: FROM "
       "t. Expected expression"},
      {"SELECT (1 + 2",
       "Syntax error at position 14 (line 1, column 14): the query ends here. "
       "Expected one of: AS, ',', ')'"},
      {"SELECT 'abc",
       "Syntax error at position 8 (line 1, column 8): a quote that is never closed: "
       "'abc"},
      {"SELECT 12abc",
       "Syntax error at position 8 (line 1, column 8): a number that runs into a "
       "word: 12abc"},
      {"SELECT 1 ! 2",
       "Syntax error at position 10 (line 1, column 10): a character that SQL has "
       "no use for: ! 2"},
      {"CREATE PLACE v AS SELECT 1",
       "Syntax error at position 8 (line 1, column 8): met 'PLACE' in: "
       "PLACE v AS SELECT 1. Expected one of: OR REPLACE, VIEW, TABLE, INDEX"},
      {"SELECT 1; SELECT 2",
       "Syntax error at position 11 (line 1, column 11): met 'SELECT' in: "
       "SELECT 2. Expected end of query: one statement at a time"},
      {"SET a = b",
       "Syntax error at position 9 (line 1, column 9): met 'b' in: b. Expected value of "
       "the setting: a number, string or array"},
      {"",
       "Syntax error at position 1 (line 1, column 1): the query ends here. Expected statement: "
       "SELECT, INSERT, CREATE, ..."},
  };
  for (const auto& [sql, message] : cases) {
    const Error error = ErrorOf(sql);
    EXPECT_EQ(error.code(), ErrorCode::kSyntaxError) << sql;
    EXPECT_EQ(error.message(), message) << sql;
  }
}

TEST(SqlErrors, RefusedStatements) {
  for (const char* sql : {"SELECT",
                          "SELECT a b c",
                          "SELECT a FROM",
                          "SELECT a FROM t WHERE",
                          "SELECT a AS 1",
                          "SELECT f(",
                          "SELECT a[",
                          "SELECT a[1",
                          "SELECT {a}",
                          "SELECT {a:}",
                          "SELECT a::",
                          "SELECT CAST(a AS)",
                          "SELECT CASE WHEN 1 THEN 2",
                          "SELECT a BETWEEN 1",
                          "SELECT a NOT 1",
                          "SELECT 1e999",
                          "SELECT count(DISTINCT a)(b)",
                          "SELECT a -> b -> ",
                          "SELECT (a, b) ->",
                          "SELECT a FROM t JOIN u",
                          "SELECT a LIMIT 1 BY b LIMIT 2 BY c",
                          "SELECT 1 UNION SELECT 2",
                          "WITH 1 SELECT 1",
                          "WITH a AS (SELECT 1",
                          "INSERT INTO t",
                          "INSERT INTO t 1",
                          "INSERT t VALUES (1)",
                          "CREATE TABLE t",
                          "CREATE TABLE t ()",
                          "CREATE TABLE t (a)",
                          "CREATE TABLE t (a UInt8",
                          "CREATE TABLE t (a UInt8) ORDER BY a ORDER BY a",
                          "CREATE TABLE t (a Array(Float32) ENGINE = Memory",
                          "CREATE TABLE t (a UInt8, INDEX i a GRANULARITY 1)",
                          "CREATE TABLE t (a UInt8, INDEX i a TYPE minmax GRANULARITY -1)",
                          "CREATE TABLE t (a UInt8, INDEX i a TYPE minmax GRANULARITY 1.5)",
                          "ALTER TABLE t",
                          "ALTER TABLE t DROP",
                          "ALTER TABLE t UPDATE a = 1",
                          "DELETE FROM t",
                          "UPDATE t SET a WHERE b",
                          "DROP t",
                          "RENAME TABLE a b",
                          "SHOW",
                          "SHOW TABLES NOT",
                          "SYSTEM",
                          "SYSTEM STOP",
                          "SET a",
                          "SET a = NULL",
                          "KILL QUERY",
                          "EXPLAIN",
                          "EXPLAIN x SELECT 1",
                          "EXPLAIN INSERT INTO t SELECT 1",
                          "DROP TABLE t FORMAT CSV",
                          "USE",
                          "; ;",
                          "SELECT * EXCEPT ()",
                          "INSERT INTO t () VALUES (1)",
                          "INSERT INTO t FROM INFILE ''",
                          "SELECT 1 INTO OUTFILE ''",
                          "FOO",
                          "SELECT 1 )",
                          "SELECT [1, 2",
                          "SELECT '\\"}) {
    EXPECT_EQ(ErrorOf(sql).code(), ErrorCode::kSyntaxError) << sql;
  }
}

TEST(SqlErrors, MixedUnionsAreRefused) {
  EXPECT_EQ(ErrorOf("SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 3").code(),
            ErrorCode::kNotImplemented);
  EXPECT_EQ(ErrorOf("SELECT 1 UNION ALL (SELECT 2 UNION DISTINCT SELECT 3)").code(),
            ErrorCode::kNotImplemented);
}

std::string Repeat(const std::string& text, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i) all += text;
  return all;
}

struct Nesting {
  const char* before;
  const char* open;
  const char* middle;
  const char* close;
};

const std::vector<Nesting>& Nestings() {
  static const std::vector<Nesting> nestings = {
      {"SELECT ", "(", "1", ")"},
      {"SELECT ", "[", "a", "]"},
      {"SELECT ", "[", "", "]"},
      {"SELECT ", "f(", "1", ")"},
      {"SELECT ", "- ", "a", ""},
      {"SELECT ", "NOT ", "a", ""},
      {"SELECT ", "1 + ", "1", ""},
      {"SELECT a", "[1]", "", ""},
      {"SELECT a", "::String", "", ""},
      {"SELECT a", " IS NULL", "", ""},
      {"SELECT ", "x -> ", "1", ""},
      {"SELECT ", "a ? b : ", "c", ""},
      {"SELECT ", "CASE WHEN 1 THEN ", "2", " END"},
      {"SELECT ", "(SELECT ", "1", ")"},
      {"SELECT ", "a IN (", "1", ")"},
      {"SELECT ", "CAST(", "1", " AS String)"},
      {"SELECT * FROM ", "(SELECT * FROM ", "t", ")"},
      {"SELECT * FROM ", "(EXPLAIN SELECT * FROM ", "t", ")"},
      {"", "(", "SELECT 1", ")"},
      {"", "WITH a AS (", "SELECT 1", ") SELECT 1"},
      {"SET a = ", "[", "1", "]"},
  };
  return nestings;
}

TEST(SqlLimits, NestingWithinTheLimitParsesAndFormats) {
  for (const Nesting& nesting : Nestings()) {
    const std::string sql =
        nesting.before + Repeat(nesting.open, 20) + nesting.middle + Repeat(nesting.close, 20);
    const Error error = ErrorOf(sql);
    EXPECT_EQ(error.message(), "no error") << sql;
    const std::string text = FormatStatement(*ParseStatement(sql));
    EXPECT_EQ(FormatStatement(*ParseStatement(text)), text);
  }
}

TEST(SqlLimits, DeepNestingIsAnErrorAndNoCrash) {
  for (const Nesting& nesting : Nestings()) {
    const std::string sql = nesting.before + Repeat(nesting.open, 100'000) + nesting.middle +
                            Repeat(nesting.close, 100'000);
    EXPECT_EQ(ErrorOf(sql).code(), ErrorCode::kTooDeepRecursion) << nesting.before << nesting.open;
  }
}

TEST(SqlLimits, DepthIsAParameter) {
  const ParseLimits limits{.max_depth = 10};
  EXPECT_EQ(ErrorOf("SELECT ((1))", limits).message(), "no error");
  EXPECT_EQ(ErrorOf("SELECT " + Repeat("(", 10) + "1" + Repeat(")", 10), limits).code(),
            ErrorCode::kTooDeepRecursion);
  EXPECT_EQ(ErrorOf("SELECT 1" + Repeat(" - 1", 5), limits).message(), "no error");
  EXPECT_EQ(ErrorOf("SELECT 1" + Repeat(" - 1", 10), limits).code(), ErrorCode::kTooDeepRecursion);
  // Chains of AND, OR and || are flat.
  EXPECT_EQ(ErrorOf("SELECT 1" + Repeat(" AND 1", 100), limits).message(), "no error");
}

// A tree may be as deep as the limit at every place of a text as deep as the limit.
TEST(SqlLimits, HeightAddsUpAcrossNesting) {
  std::string sql = "1";
  for (int level = 0; level < 10; ++level) sql = "(" + sql + Repeat(" - 1", 900) + ")";
  EXPECT_EQ(ErrorOf("SELECT " + sql).code(), ErrorCode::kTooDeepRecursion);
  sql = "1";
  for (int level = 0; level < 10; ++level) sql = "(SELECT " + sql + Repeat(" - 1", 900) + ")";
  EXPECT_EQ(ErrorOf("SELECT " + sql).code(), ErrorCode::kTooDeepRecursion);
}

// BETWEEN and CASE use their operand several times: 2^30 nodes from a short text.
TEST(SqlLimits, SharedOperandsAreCountedAtEachUse) {
  std::string between = "a";
  std::string simple_case = "a";
  for (int i = 0; i < 30; ++i) {
    between = "(" + between + " BETWEEN 0 AND 1)";
    simple_case = "CASE " + simple_case + " WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END";
  }
  EXPECT_EQ(ErrorOf("SELECT " + between).code(), ErrorCode::kTooBigAst);
  EXPECT_EQ(ErrorOf("SELECT " + simple_case).code(), ErrorCode::kTooBigAst);
  EXPECT_EQ(ErrorOf("SELECT a IN (" + Repeat("'x', ", 1000) + "1)", {.max_nodes = 500}).code(),
            ErrorCode::kTooBigAst);
}

TEST(SqlLimits, LongFlatTextsAreFine) {
  EXPECT_EQ(ErrorOf("SELECT " + Repeat("a, ", 50'000) + "a").message(), "no error");
  EXPECT_EQ(ErrorOf("SELECT a IN (" + Repeat("'x', ", 50'000) + "1)").message(), "no error");
  EXPECT_EQ(ErrorOf("SELECT [[1]" + Repeat(", [2, 3]", 50'000) + "]").message(), "no error");
  EXPECT_EQ(ErrorOf(Repeat("SELECT 1 UNION ALL ", 5'000) + "SELECT 1").message(), "no error");
}

// Random changes of good statements: words and bytes deleted, doubled, moved and replaced.
class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  std::string Mutate(std::string text) {
    const size_t changes = 1 + Below(4);
    for (size_t i = 0; i < changes; ++i) Change(text);
    return text;
  }

  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

 private:
  void Change(std::string& text) {
    static const std::vector<std::string> kFragments = {
        "(",     ")",    "[",      "]",     "{",       "}",         "'",       "\"",    "`",
        ",",     ";",    ".",      "::",    "->",      "?",         ":",       "--",    "/*",
        "$$",    "\\",   " NOT ",  " IN ",  " AS ",    " SELECT ",  " FROM ",  "-",     "1",
        "1e5",   "0x",   "x'",     " BY ",  " NULL ",  " BETWEEN ", " CASE ",  " END ", "*",
        " AND ", " OR ", " WITH ", " SET ", "\n",      "#",         " UNION ", "(((((", "[[[[[",
        "nan",   "\xff", " CAST(", "NOT(",  "{a:Int8}"};
    const size_t at = Below(text.size() + 1);
    const size_t length = std::min(Below(12), text.size() - at);
    switch (Below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(Below(text.size() + 1), length));
        break;
      case 2:
        text.insert(at, kFragments[Below(kFragments.size())]);
        break;
      case 3:
        text.resize(at);
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(Below(256));
    }
  }

  std::mt19937_64 random_;
};

std::string ColumnNames(const Statement& statement) {
  std::string names;
  if (const auto* select = As<SelectStatement>(statement)) {
    for (const ExprPtr& column : select->query->selects[0].columns) {
      names += ColumnName(*column) + "; ";
    }
  }
  return names;
}

// Whatever parses formats to text that parses to the same tree; whatever does not is an Error.
bool SurvivesRoundTrip(const std::string& sql) {
  StatementPtr statement;
  try {
    statement = ParseNextStatement(sql, 0).statement;
  } catch (const Error&) {
    return false;
  }
  if (!statement) return false;
  const std::string text = FormatStatement(*statement);
  try {
    const StatementPtr again = ParseStatement(text);
    EXPECT_EQ(FormatStatement(*again), text) << "from: " << sql;
    EXPECT_EQ(ColumnNames(*again), ColumnNames(*statement)) << "from: " << sql;
  } catch (const Error& error) {
    ADD_FAILURE() << error.what() << "\nreading: " << text << "\nfrom: " << sql;
  }
  return true;
}

// GRANARY_FUZZ_SECONDS makes a longer run, GRANARY_SEED repeats one.
TEST(SqlFuzz, MutatedStatements) {
  const char* seconds = std::getenv("GRANARY_FUZZ_SECONDS");
  const uint64_t seed = SeedOfThisRun();
  std::cout << "seed " << seed << "\n";
  std::vector<std::string> corpus(CanonicalStatements().begin(), CanonicalStatements().end());
  for (const char* expression :
       {"a BETWEEN 1 AND 2 AND NOT b IN (1, 'x') OR c[1]::UInt8 IS NULL ? -1 : [1, 2.5, -3]",
        "CASE x WHEN 1 THEN 'a' ELSE $t$b$t$ END || substring(s FROM 1 FOR 2) LIKE '%\\_'",
        "arrayMap((x, y) -> x * -y + CAST(1 AS Array(UInt8)), [nan, -inf], (a, tuple(b), ()))",
        "EXTRACT(DAY FROM d + INTERVAL 3 DAY) - INTERVAL '1 week' + TRIM(BOTH ' ' FROM x'41')",
        "quantile(0.5)(DISTINCT t.a AS b) + {p:Array(Float32)} + (SELECT 1 UNION ALL SELECT 2)"}) {
    corpus.push_back("SELECT " + std::string(expression));
  }
  Mutator mutator(seed);
  const auto deadline =
      std::chrono::steady_clock::now() +
      std::chrono::milliseconds(seconds ? static_cast<long>(std::stod(seconds) * 1000) : 500);
  size_t tried = 0;
  size_t parsed = 0;
  while (std::chrono::steady_clock::now() < deadline && !testing::Test::HasFailure()) {
    const std::string sql = mutator.Mutate(corpus[mutator.Below(corpus.size())]);
    ++tried;
    parsed += SurvivesRoundTrip(sql);
  }
  std::cout << tried << " texts, " << parsed << " of them statements\n";
  EXPECT_GT(parsed, tried / 100);
  EXPECT_LT(parsed, tried);
}

}  // namespace
}  // namespace granary::sql
