// Subqueries and WITH queries that only compute columns of a table are no walls: the statement
// around them reads that table, by index, pruned and only the columns it needs.
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

class TransparentQueryTest : public ::testing::Test {
 protected:
  TransparentQueryTest() : database_(OpenInMemory()) {
    database_->Execute(
        "CREATE TABLE t (id UInt64, g UInt8, s String, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'L2Distance', 2) GRANULARITY 8) ENGINE = MergeTree ORDER BY id "
        "SETTINGS index_granularity = 64, vector_index_min_rows_for_graph = 0");
    for (const char* rows : {"numbers(1000)", "numbers(1000, 1000)"}) {
      database_->Execute(
          std::string("INSERT INTO t SELECT number, number % 4, toString(number % 100), "
                      "[number % 50 + number / 3000, number % 30] FROM ") +
          rows);
    }
  }

  std::string Explain(const std::string& select, const std::string& options = "indexes = 1") {
    return Query(*database_, "EXPLAIN " + options + " " + select);
  }
  // Also the rows are those of the statement without a subquery.
  void ExpectSamePlan(const std::string& nested, const std::string& flat) {
    EXPECT_EQ(Explain(nested), Explain(flat)) << nested;
    const std::string rows = Query(*database_, nested);
    EXPECT_NE(rows, "") << nested;
    EXPECT_EQ(rows, Query(*database_, flat)) << nested;
  }
  uint64_t BytesRead(const std::string& sql) {
    database_->Execute("SYSTEM DROP UNCOMPRESSED CACHE");
    Result result = database_->Execute(sql);
    while (result.Next()) {
    }
    return result.progress().bytes_done;
  }

  std::unique_ptr<Database> database_;
};

TEST_F(TransparentQueryTest, NeighborsAreSearchedBehindSubqueries) {
  const std::string flat = "SELECT id FROM t ORDER BY L2Distance(v, [3., 4.]) LIMIT 3";
  EXPECT_NE(Explain(flat).find("Vector index: near"), std::string::npos);
  const std::string tail = " ORDER BY L2Distance(v, [3., 4.]) LIMIT 3";
  ExpectSamePlan("SELECT id FROM (SELECT id, v FROM t)" + tail, flat);
  ExpectSamePlan("SELECT id FROM (SELECT * FROM (SELECT v, id FROM t) AS a) AS b" + tail, flat);
  ExpectSamePlan("WITH c AS (SELECT id, v FROM t) SELECT id FROM c" + tail, flat);
  ExpectSamePlan(
      "WITH c AS (SELECT id, v FROM t), d AS (SELECT * FROM c) SELECT d.id FROM d" + tail, flat);
  ExpectSamePlan(
      "SELECT i FROM (SELECT id AS i, L2Distance(v, [3., 4.]) AS d FROM t) ORDER BY d LIMIT 3",
      "SELECT id FROM t ORDER BY L2Distance(v, [3., 4.]) LIMIT 3");
}

TEST_F(TransparentQueryTest, ConditionsOfAllLevelsMeet) {
  ExpectSamePlan(
      "SELECT id FROM (SELECT id, v AS w FROM (SELECT * FROM t WHERE g = 1) WHERE id >= 100) WHERE "
      "id < 900 ORDER BY L2Distance(w, [3., 4.]) LIMIT 3",
      "SELECT id FROM t WHERE (g = 1 AND id >= 100) AND id < 900 ORDER BY L2Distance(v, [3., 4.]) "
      "LIMIT 3");
  ExpectSamePlan(
      "SELECT id, d FROM (SELECT id, L2Distance(v, [3., 4.]) AS d FROM t WHERE d < 9) WHERE id > 5 "
      "ORDER BY d LIMIT 4",
      "SELECT id, L2Distance(v, [3., 4.]) AS d FROM t WHERE d < 9 AND id > 5 ORDER BY d LIMIT 4");
}

TEST_F(TransparentQueryTest, ViewsAreNoWalls) {
  database_->Execute("CREATE VIEW a AS SELECT id, v, g FROM t WHERE g = 1");
  database_->Execute("CREATE VIEW b (k, w) AS SELECT id, v FROM a WHERE id > 100");
  database_->Execute("CREATE VIEW p AS SELECT id, v FROM t WHERE id > {least:UInt64}");
  ExpectSamePlan("SELECT k FROM b WHERE k < 1000 ORDER BY L2Distance(w, [3., 4.]) LIMIT 3",
                 "SELECT id FROM t WHERE (g = 1 AND id > 100) AND id < 1000 ORDER BY L2Distance(v, "
                 "[3., 4.]) LIMIT 3");
  ExpectSamePlan("SELECT count() FROM b WHERE k = 101",
                 "SELECT count() FROM t WHERE (g = 1 AND id > 100) AND id = 101");
  EXPECT_NE(Explain("SELECT id FROM p(least = 1900) ORDER BY L2Distance(v, [3., 4.]) LIMIT 3")
                .find("Vector index: near"),
            std::string::npos);
  EXPECT_NE(Explain("SELECT id FROM p(least = 1990)").find("Granules: 1/32"), std::string::npos);
}

TEST_F(TransparentQueryTest, GranulesArePruned) {
  ExpectSamePlan("SELECT id FROM (SELECT id FROM t) WHERE id = 5", "SELECT id FROM t WHERE id = 5");
  EXPECT_NE(
      Explain("SELECT k FROM (SELECT id AS k, s FROM t) AS q WHERE q.k = 5").find("Granules: 1/32"),
      std::string::npos);
  ExpectSamePlan("SELECT s FROM (SELECT id AS k, s FROM t) ORDER BY k DESC LIMIT 2",
                 "SELECT s FROM t ORDER BY id DESC LIMIT 2");
}

TEST_F(TransparentQueryTest, OnlyWhatIsNeededIsRead) {
  const std::string flat = "SELECT count() FROM t WHERE g = 1";
  const std::string nested = "SELECT count() FROM (SELECT * FROM t) WHERE g = 1";
  EXPECT_EQ(Query(*database_, nested), "500\n");
  EXPECT_EQ(BytesRead(nested), BytesRead(flat));
  EXPECT_LT(BytesRead(nested), BytesRead("SELECT * FROM t WHERE g = 1") / 4);
}

// A name within a subquery has nothing to do with the same name outside.
TEST_F(TransparentQueryTest, NamesStayApart) {
  const auto expect = [&](const std::string& sql, const std::string& rows) {
    EXPECT_EQ(Query(*database_, sql), rows) << sql;
  };
  expect("SELECT id, g FROM (SELECT g AS id, id AS g FROM t WHERE g = 3 AND id < 8) WHERE id = 3",
         "3\t3\n");
  expect("SELECT arrayMap(x -> x + a, [1]) FROM (SELECT id AS a, s AS x FROM t WHERE id = 7)",
         "[8]\n");
  expect("SELECT arrayMap(id -> id + x, [1]) FROM (SELECT id AS x FROM t WHERE id = 7)", "[8]\n");
  expect(
      "SELECT arrayMap(id -> arraySum(y) + id, [1]) FROM (SELECT arrayMap(g -> g + id, [1, 2]) AS "
      "y "
      "FROM t WHERE id = 7)",
      "[18]\n");
  expect(
      "SELECT arrayMap(g -> g * y, arrayMap(id -> id + y, [1])) FROM (SELECT arraySum(x -> x * g, "
      "[id, 1]) AS y FROM t WHERE id = 7)",
      "[600]\n");
  expect("SELECT x AS y, y AS x FROM (SELECT id AS x, g AS y FROM t WHERE id = 6)", "2\t6\n");
  expect("SELECT id + 1 AS id FROM (SELECT id + 1 AS id FROM t WHERE id = 7) WHERE id = 8", "8\n");
}

// The same words are another subquery where a WITH query of the name means something else.
TEST_F(TransparentQueryTest, SubqueriesOfOtherScopesStayApart) {
  EXPECT_EQ(Query(*database_,
                  "WITH c AS (SELECT 3 AS n) SELECT id, id = (SELECT n FROM c) FROM (WITH c AS "
                  "(SELECT 5 AS n) SELECT id FROM t WHERE id = (SELECT n FROM c) OR id IN (SELECT "
                  "n + 1 FROM c)) WHERE id NOT IN (SELECT n FROM c) ORDER BY id"),
            "5\t0\n6\t0\n");
}

TEST_F(TransparentQueryTest, WhatDoesMoreThanComputeStaysAStep) {
  for (const char* sql : {
           "SELECT id FROM (SELECT id FROM t ORDER BY id LIMIT 10) WHERE id > 8",
           "SELECT count() FROM (SELECT DISTINCT g FROM t) WHERE g > 1",
           "SELECT g FROM (SELECT g, count() AS c FROM t GROUP BY g) WHERE c > 3 ORDER BY g LIMIT "
           "1",
           "SELECT count() > 0 FROM (SELECT rand() % 2 AS r FROM t) WHERE r = 1 AND r = 1",
           "SELECT max(id) FROM (SELECT id FROM t LIMIT 1 BY g) WHERE id < 3",
       }) {
    const std::string plan = Explain(sql, "");
    EXPECT_GT(std::count(plan.begin(), plan.end(), '\n'), 4) << plan;
  }
  EXPECT_EQ(
      Query(*database_, "SELECT id FROM (SELECT id FROM t ORDER BY id LIMIT 10) WHERE id > 8"),
      "9\n");
  // One value, whatever reads it.
  EXPECT_EQ(Query(*database_,
                  "SELECT countIf(r != r2) FROM (SELECT r, r AS r2 FROM (SELECT rand() "
                  "AS r FROM t))"),
            "0\n");
}

TEST_F(TransparentQueryTest, NestingThatDoublesDoesNotExplode) {
  std::string from = "(SELECT id FROM t WHERE id = 3)";
  for (int i = 0; i < 40; ++i) from = "(SELECT (id + id) % 1000 AS id FROM " + from + ")";
  EXPECT_EQ(Query(*database_, "SELECT id FROM " + from), "328\n");
}

TEST_F(TransparentQueryTest, ASubqueryRunsOnce) {
  // Rows that the statement has read, those of its subqueries included.
  const auto rows_read = [&](const std::string& sql) {
    Result result = database_->Execute(sql);
    while (result.Next()) {
    }
    return result.progress().rows_done;
  };
  const std::string m = "(SELECT max(id) FROM t WHERE s != 'x')";
  const uint64_t once = rows_read("SELECT " + m);
  EXPECT_EQ(once, 2000u);
  EXPECT_EQ(rows_read("SELECT " + m + " + 1, " + m + " * 2"), once);
  EXPECT_EQ(rows_read("WITH " + m +
                      " AS m SELECT m, m + 1, number < m FROM numbers(1) WHERE m > 5 "
                      "ORDER BY m LIMIT 1"),
            once);
}

TEST_F(TransparentQueryTest, BesideOneRowATableIsReadAsAlways) {
  database_->Execute("CREATE TABLE one (id UInt64, v Array(Float32)) ORDER BY id");
  const auto rows = [&](const std::string& sql) { return Query(*database_, sql); };
  EXPECT_EQ(rows("SELECT count(), sum(one.id) FROM t, one"), "0\t0\n");
  EXPECT_EQ(rows("SELECT t.id FROM t CROSS JOIN one ORDER BY L2Distance(t.v, one.v) LIMIT 3"), "");
  database_->Execute("INSERT INTO one VALUES (99, [3, 4])");
  const std::string search =
      "SELECT id FROM t WHERE id != 7 ORDER BY L2Distance(v, [3., 4.]) LIMIT 4";
  for (const char* joined :
       {"SELECT t.id FROM t, one WHERE t.id != 7 ORDER BY L2Distance(t.v, one.v) LIMIT 4",
        "SELECT t.id FROM one CROSS JOIN t WHERE t.id != 7 ORDER BY L2Distance(one.v, t.v) LIMIT 4",
        "WITH q AS (SELECT [toFloat32(3), toFloat32(4)] AS w, 7 AS x) SELECT id FROM t, q WHERE id "
        "!= "
        "x ORDER BY L2Distance(v, w) LIMIT 4",
        "SELECT id FROM (SELECT t.id AS id, t.v AS w FROM t, one) WHERE id != 7 ORDER BY "
        "L2Distance(w, [3., 4.]) LIMIT 4"}) {
    EXPECT_NE(Explain(joined).find("Vector index: near"), std::string::npos) << joined;
    EXPECT_EQ(rows(joined), rows(search)) << joined;
  }
  EXPECT_EQ(rows("SELECT t.*, one.* FROM t INNER JOIN one ON t.id = one.id"),
            "99\t3\t99\t[49.033,9]\t99\t[3,4]\n");
  EXPECT_EQ(rows("SELECT * FROM numbers(3) AS n, (SELECT 2 AS x) AS y WHERE n.number < y.x"),
            "0\t2\n1\t2\n");
  EXPECT_EQ(rows("SELECT one.id, count() FROM one, t WHERE t.g = 1 GROUP BY one.id"), "99\t500\n");
  EXPECT_EQ(rows("SELECT a.id, b.id FROM one AS a, one AS b"), "99\t99\n");
  database_->Execute("INSERT INTO one VALUES (5, [1, 1])");
  EXPECT_EQ(FailureOf(*database_, "SELECT t.id FROM t, one"), ErrorCode::kNotImplemented);
  PreparedStatement prepared =
      database_->Prepare("SELECT sum(one2.id) FROM t, (SELECT max(id) AS id FROM one) AS one2");
  EXPECT_EQ(TextOf(prepared.Execute()), "198000\n");
  database_->Execute("INSERT INTO one VALUES (100, [1, 1])");
  EXPECT_EQ(TextOf(prepared.Execute()), "200000\n");
}

// Random statements over subqueries against the same with the subquery's rows in a table.
TEST_F(TransparentQueryTest, GivesWhatATableOfTheSubquerysRowsGives) {
  const uint64_t seed = SeedOfThisRun();
  std::mt19937_64 random(seed);
  const auto any = [&](const std::vector<std::string>& of) { return of[random() % of.size()]; };
  const std::vector<std::string> inner_wheres = {
      "",
      " WHERE g = 1",
      " WHERE id % 3 = 0",
      " WHERE id BETWEEN 90 AND 1100",
      " WHERE id IN (SELECT number * 7 FROM numbers(200))",
      " WHERE L2Distance(v, [3., 4.]) < 12"};
  const std::vector<std::string> columns = {
      "id AS a, g AS b, v AS w",
      "id * 2 AS a, id % 7 AS b, v AS w",
      "intDiv(id, 3) AS a, toUInt64(s) AS b, v AS w",
      "id AS a, arraySum(x -> x * g, [1, id]) AS b, arrayMap(x -> x + g, v) AS w",
      "g AS a, if(g = 0, 0, intDiv(100, g)) AS b, v AS w",
      "5 AS a, id AS b, [toFloat32(1), toFloat32(2)] AS w",
  };
  const std::vector<std::string> outers = {
      "SELECT a, b FROM {} WHERE b > 1 ORDER BY a, b LIMIT 20",
      "SELECT a + b AS c, a FROM {} WHERE c % 2 = 0 ORDER BY c, a LIMIT 9",
      "SELECT b, count(), sum(a), max(a + b) FROM {} GROUP BY b ORDER BY b LIMIT 20",
      "SELECT a % 5 AS m, uniqExact(b) FROM {} WHERE a IN (2, 3, 4, 100, 101) GROUP BY m ORDER BY "
      "m",
      "SELECT DISTINCT b FROM {} ORDER BY b DESC LIMIT 10",
      "SELECT a, b, round(L2Distance(w, [3., 4.]), 3) AS d FROM {} ORDER BY d, a, b LIMIT 7",
      "SELECT count(), sum(b) FROM {} WHERE a = 90 OR b < 3",
      "SELECT b, a FROM {} ORDER BY b, a LIMIT 2 BY b LIMIT 12",
      "SELECT arrayMap(x -> x + a, [b, 1]) AS y FROM {} ORDER BY y LIMIT 6",
      "SELECT max(a), min(b), count() FROM {} HAVING count() >= 0",
  };
  for (int round = 0; round < 150; ++round) {
    const std::string subquery = "SELECT " + any(columns) + " FROM t" + any(inner_wheres);
    database_->Execute("DROP TABLE IF EXISTS u");
    const std::string typed = Query(*database_, "DESCRIBE (" + subquery + ")");
    std::string declared;
    for (size_t begin = 0; begin < typed.size();) {
      const size_t tab = typed.find('\t', begin);
      const size_t end = typed.find_first_of("\t\n", tab + 1);
      declared += (declared.empty() ? "" : ", ") + typed.substr(begin, tab - begin) + " " +
                  typed.substr(tab + 1, end - tab - 1);
      begin = typed.find('\n', end) + 1;
    }
    database_->Execute("CREATE TABLE u (" + declared + ") ORDER BY a");
    database_->Execute("INSERT INTO u " + subquery);
    const std::string outer = any(outers);
    const auto over = [&](const std::string& source) {
      std::string sql = outer;
      sql.replace(sql.find("{}"), 2, source);
      return Query(*database_, sql + " SETTINGS vector_search_method = 'scan'");
    };
    const std::string expected = over("u");
    EXPECT_EQ(over("(" + subquery + ")"), expected) << outer << "\n" << subquery;
    EXPECT_EQ(over("(SELECT w, b, a FROM (" + subquery + ") AS x WHERE a >= 0) AS z"), expected)
        << outer << "\n"
        << subquery << "\nGRANARY_SEED=" << seed;
  }
}

}  // namespace
}  // namespace granary
