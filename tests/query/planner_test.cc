// SELECT in its clauses: what the plan computes, on tables of several parts and granules.
#include "granary/query/planning/planner.h"

#include "database_testing.h"

namespace granary {
namespace {

class PlannerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = OpenInMemory();
    database_->Execute(
        "CREATE TABLE t (id UInt32, k String, x Int32) ORDER BY id SETTINGS index_granularity = 3");
    database_->Execute(
        "INSERT INTO t SELECT number, multiIf(number % 3 = 0, 'a', number % 3 = 1, 'b', 'c'), "
        "number * 10 "
        "FROM numbers(10)");
    database_->Execute(
        "INSERT INTO t SELECT number, multiIf(number % 3 = 0, 'a', number % 3 = 1, 'b', 'c'), "
        "number * 10 "
        "FROM numbers(10, 10)");
  }

  std::string Rows(std::string_view sql) { return Query(*database_, sql); }

  std::unique_ptr<Database> database_;
};

TEST_F(PlannerTest, ResolvesNamesAliasesAndAsterisks) {
  EXPECT_EQ(Rows("SELECT * EXCEPT (k, x) FROM t WHERE id = 4"), "4\n");
  EXPECT_EQ(Rows("SELECT t.id, default.t.x, y.* EXCEPT (id) FROM t AS y WHERE y.id = 4"),
            "4\t40\tb\t40\n");
  EXPECT_EQ(Rows("SELECT id + 1 AS a, a * 2 AS b FROM t WHERE b = 10"), "5\t10\n");
  EXPECT_EQ(Rows("WITH 3 AS three SELECT id FROM t WHERE id = three"), "3\n");
  EXPECT_EQ(Rows("WITH u AS (SELECT id AS i FROM t WHERE id < 2) SELECT sum(i) FROM u"), "1\n");
  const Header header = database_->Execute("SELECT id + 1, t.k, x AS y FROM t").columns();
  EXPECT_EQ(header[0].name, "plus(id, 1)");
  EXPECT_EQ(header[1].name, "k");
  EXPECT_EQ(header[2].name, "y");
}

TEST_F(PlannerTest, CountsEveryQueryOnce) {
  const std::string settings = " SETTINGS max_expanded_ast_elements = ";
  std::string nested = "SELECT 1 AS x", in = "SELECT 1";
  for (int i = 0; i < 30; ++i) {
    nested = "SELECT x FROM (" + nested + ")";
    in = "SELECT 1 WHERE 1 IN (" + in + ")";
  }
  EXPECT_EQ(Rows(nested + settings + "62"), "1\n");
  EXPECT_EQ(FailureOf(*database_, nested + settings + "61"), ErrorCode::kTooBigAst);
  EXPECT_EQ(Rows(in + settings + "200"), "1\n");
  // Where it is used, and only there.
  const std::string with = "WITH a AS (SELECT 1 + 2 + 3 + 4 AS x) SELECT count() FROM ";
  EXPECT_EQ(Rows(with + "a" + settings + "10"), "1\n");
  EXPECT_EQ(
      FailureOf(*database_, with + "(SELECT x FROM a UNION ALL SELECT x FROM a)" + settings + "20"),
      ErrorCode::kTooBigAst);
}

TEST_F(PlannerTest, GroupsByNamesAliasesPositionsAndExpressions) {
  EXPECT_EQ(Rows("SELECT k, count(), sum(x) FROM t GROUP BY k ORDER BY k"),
            "a\t7\t630\nb\t7\t700\nc\t6\t570\n");
  EXPECT_EQ(Rows("SELECT id % 2 AS odd, max(x) FROM t GROUP BY odd ORDER BY 1 DESC"),
            "1\t190\n0\t180\n");
  EXPECT_EQ(Rows("SELECT k, count() FROM t GROUP BY 1 HAVING count() > 6 ORDER BY k"),
            "a\t7\nb\t7\n");
  EXPECT_EQ(Rows("SELECT k, id % 2, count() FROM t GROUP BY ALL ORDER BY ALL LIMIT 2"),
            "a\t0\t4\na\t1\t3\n");
  EXPECT_EQ(Rows("SELECT sum(x) / count() AS m FROM t HAVING m > 1000"), "");
  EXPECT_EQ(Rows("SELECT count(), sum(x) FROM t WHERE id > 100"), "0\t0\n");
  EXPECT_EQ(Rows("SELECT k FROM t WHERE id > 100 GROUP BY k"), "");
  EXPECT_EQ(FailureOf(*database_, "SELECT k, x FROM t GROUP BY k"), ErrorCode::kNotAnAggregate);
  EXPECT_EQ(FailureOf(*database_, "SELECT id FROM t WHERE sum(x) > 1"),
            ErrorCode::kIllegalAggregation);
}

TEST_F(PlannerTest, GroupsAppearInOrderOfFirstAppearanceWhateverTheThreads) {
  for (const char* threads : {"1", "2"}) {
    EXPECT_EQ(Rows("SELECT number * 7919 % 1000003 % 5 AS r, count() FROM numbers(200000) "
                   "GROUP BY r SETTINGS max_threads = " +
                   std::string(threads)),
              Rows("SELECT number * 7919 % 1000003 % 5 AS r, count() FROM numbers(200000) "
                   "GROUP BY r SETTINGS max_threads = 1"));
  }
}

TEST_F(PlannerTest, GroupsByManyKeysOfAllKinds) {
  EXPECT_EQ(Rows("SELECT count() FROM (SELECT number % 1000 AS a, toString(number % 77) AS b, "
                 "count() AS c FROM numbers(200000) GROUP BY a, b)"),
            "77000\n");
  EXPECT_EQ(Rows("SELECT uniqExact(s), sum(c) FROM (SELECT [number % 10, 1] AS s, count() AS c "
                 "FROM numbers(100000) GROUP BY s)"),
            "10\t100000\n");
  EXPECT_EQ(Rows("SELECT sum(n), count() FROM (SELECT number AS n, count() FROM "
                 "numbers(300000) GROUP BY n)"),
            "44999850000\t300000\n");
}

TEST_F(PlannerTest, SortsInAllDirections) {
  EXPECT_EQ(Rows("SELECT id FROM t ORDER BY k DESC, id LIMIT 3"), "2\n5\n8\n");
  EXPECT_EQ(Rows("SELECT id FROM t ORDER BY -x LIMIT 2 OFFSET 1"), "18\n17\n");
  EXPECT_EQ(Rows("SELECT id FROM t ORDER BY id LIMIT 1, 2"), "1\n2\n");
  EXPECT_EQ(Rows("SELECT id FROM t ORDER BY id LIMIT 18446744073709551615 OFFSET 18"), "18\n19\n");
  EXPECT_EQ(Rows("SELECT x FROM (SELECT 1.5 AS x UNION ALL SELECT nan UNION ALL SELECT -1) "
                 "ORDER BY x"),
            "-1\n1.5\nnan\n");
  EXPECT_EQ(Rows("SELECT s FROM (SELECT toString(number) AS s FROM numbers(100000)) "
                 "ORDER BY s DESC LIMIT 2"),
            "99999\n99998\n");
  EXPECT_EQ(Rows("SELECT sum(d) FROM (SELECT number AS n, "
                 "if(number % 2 = 0, 0.0 / 0.0, number) AS d FROM numbers(6) ORDER BY d DESC "
                 "LIMIT 3)"),
            "9\n");
}

TEST_F(PlannerTest, DistinctLimitByAndTies) {
  EXPECT_EQ(Rows("SELECT DISTINCT k FROM t ORDER BY k"), "a\nb\nc\n");
  EXPECT_EQ(Rows("SELECT DISTINCT id % 2, k FROM t ORDER BY 1, 2 LIMIT 3"), "0\ta\n0\tb\n0\tc\n");
  EXPECT_EQ(Rows("SELECT k, id FROM t ORDER BY id DESC LIMIT 1 BY k"), "b\t19\na\t18\nc\t17\n");
  EXPECT_EQ(Rows("SELECT k, id FROM t ORDER BY k, id LIMIT 1 OFFSET 2 BY k"), "a\t6\nb\t7\nc\t8\n");
  EXPECT_EQ(Rows("SELECT k, id FROM t ORDER BY id LIMIT 1 BY k LIMIT 2"), "a\t0\nb\t1\n");
  EXPECT_EQ(Rows("SELECT count() FROM (SELECT k FROM t ORDER BY k LIMIT 1 WITH TIES)"), "7\n");
  EXPECT_EQ(Rows("SELECT count() FROM (SELECT k FROM t ORDER BY k LIMIT 8 WITH TIES)"), "14\n");
}

TEST_F(PlannerTest, SubqueriesStandEverywhere) {
  EXPECT_EQ(Rows("SELECT max(s) FROM (SELECT sum(x) AS s FROM t GROUP BY k)"), "700\n");
  EXPECT_EQ(Rows("SELECT count() FROM t WHERE x > (SELECT avg(x) FROM t)"), "10\n");
  EXPECT_EQ(Rows("SELECT id FROM t WHERE id IN (SELECT number * 5 FROM numbers(3)) ORDER BY id"),
            "0\n5\n10\n");
  EXPECT_EQ(Rows("SELECT 1 AS a UNION ALL SELECT 300 UNION ALL SELECT -1"), "1\n300\n-1\n");
  EXPECT_EQ(Rows("SELECT sum(a) FROM (SELECT 1 AS a UNION ALL SELECT 2.5)"), "3.5\n");
  EXPECT_EQ(FailureOf(*database_, "SELECT 1 UNION ALL SELECT 1, 2"),
            ErrorCode::kIncorrectNumberOfColumns);
  EXPECT_EQ(FailureOf(*database_, "SELECT (SELECT id FROM t)"),
            ErrorCode::kIncorrectResultOfScalarSubquery);
}

TEST_F(PlannerTest, ReadsOnlyGranulesThatMayMatch) {
  const auto granules = [&](const std::string& where) {
    return Rows("SELECT trimLeft(explain) FROM (EXPLAIN indexes = 1 SELECT count() FROM t WHERE " +
                where + ") WHERE explain LIKE '%Granules:%'");
  };
  EXPECT_EQ(granules("id = 4"), "Granules: 1/8\n");
  EXPECT_EQ(granules("id >= 7 AND id < 11"), "Granules: 3/8\n");
  EXPECT_EQ(granules("x = 40"), "Granules: 8/8\n");
  EXPECT_EQ(granules("id IN (0, 19) OR id = 10"), "Granules: 4/8\n");
  database_->Execute("ALTER TABLE t ADD INDEX m x TYPE minmax GRANULARITY 1");
  database_->Execute("ALTER TABLE t MATERIALIZE INDEX m");
  EXPECT_EQ(granules("x = 40"), "Granules: 8/8\nGranules: 1/8\n");
  EXPECT_EQ(Rows("SELECT id FROM t WHERE x = 40"), "4\n");
  EXPECT_EQ(FailureOf(*database_,
                      "SELECT id FROM t WHERE id = 40 "
                      "SETTINGS force_data_skipping_indices = 'm'"),
            ErrorCode::kIndexNotUsed);
}

TEST_F(PlannerTest, PartitionsArePruned) {
  database_->Execute("CREATE TABLE p (d Date, x UInt32) PARTITION BY toYYYYMM(d) ORDER BY x");
  database_->Execute("INSERT INTO p SELECT toDate('2024-01-01') + number, number FROM numbers(90)");
  const std::string parts =
      "SELECT trimLeft(explain) FROM (EXPLAIN indexes = 1 SELECT count() FROM p WHERE ";
  EXPECT_EQ(Rows(parts + "d >= '2024-03-01') WHERE explain LIKE '%Parts: 1/3'"), "Parts: 1/3\n");
  EXPECT_EQ(Rows("SELECT count() FROM p WHERE d >= '2024-03-01'"), "30\n");
  EXPECT_EQ(Rows("SELECT count() FROM p WHERE toYYYYMM(d) = 202402"), "29\n");
  database_->Execute("OPTIMIZE TABLE p PARTITION 202401 FINAL");
}

TEST_F(PlannerTest, ShowsAndDescribes) {
  EXPECT_EQ(Rows("SHOW TABLES LIKE 't%'"), "t\n");
  EXPECT_EQ(Rows("EXISTS TABLE t"), "1\n");
  EXPECT_EQ(Rows("EXISTS TABLE u"), "0\n");
  EXPECT_EQ(Rows("SELECT name, type FROM system.columns WHERE table = 't' ORDER BY position"),
            "id\tUInt32\nk\tString\nx\tInt32\n");
  EXPECT_NE(Rows("DESCRIBE t").find("k\tString"), std::string::npos);
  EXPECT_EQ(
      Rows("SELECT value FROM system.settings WHERE name = 'max_limit_for_vector_search_queries'"),
      "1000\n");
  EXPECT_NE(Rows("SHOW CREATE TABLE t").find("index_granularity = 3"), std::string::npos);
  EXPECT_EQ(Rows("SELECT query FROM system.processes").substr(0, 12), "SELECT query");
  EXPECT_EQ(Rows("CHECK TABLE t").substr(0, 9), "all_1_1_0");
  database_->Execute("CREATE TABLE u AS t");
  EXPECT_EQ(Rows("SELECT count() FROM u"), "0\n");
  database_->Execute("TRUNCATE TABLE t");
  EXPECT_EQ(Rows("SELECT count() FROM t"), "0\n");
}

}  // namespace
}  // namespace granary
