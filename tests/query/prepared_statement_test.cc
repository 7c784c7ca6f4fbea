// A prepared statement answers like the same statement run at once, whatever values its
// placeholders have had before: wherever a placeholder may stand.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "database_testing.h"

namespace granary {
namespace {

// {p:UInt64} takes several values one after the other and back again.
const std::vector<std::string>& Statements() {
  static const std::vector<std::string> statements = {
      "SELECT {p:UInt64}",
      "SELECT {p:UInt64} + 1 AS a, toString({p:UInt64})",
      "SELECT id FROM t WHERE x = {p:UInt64} ORDER BY id",
      "SELECT id FROM t WHERE x IN (0, {p:UInt64}) ORDER BY id",
      "SELECT id FROM t WHERE x IN ({p:UInt64}, id) ORDER BY id",
      "SELECT id FROM t WHERE (x, 1) IN (({p:UInt64}, 1), (0, 1)) ORDER BY id",
      "SELECT id FROM t WHERE has([0, {p:UInt64}], x) ORDER BY id",
      "SELECT id FROM t WHERE arrayExists(a -> a = {p:UInt64}, [x, id]) ORDER BY id",
      "SELECT id FROM t WHERE x IN (SELECT number FROM numbers({p:UInt64})) ORDER BY id",
      "SELECT id FROM t WHERE x < (SELECT {p:UInt64}) ORDER BY id",
      "SELECT id FROM t WHERE EXISTS (SELECT 1 FROM t WHERE x > 3 * {p:UInt64}) ORDER BY id",
      "SELECT sum(x * {p:UInt64}) FROM t",
      "SELECT sumIf(x, x < {p:UInt64}) FROM t",
      "SELECT quantileExact({p:UInt64} / 10)(x) FROM t",
      "SELECT groupArray({p:UInt64})(x) FROM t",
      "SELECT max(x + {p:UInt64}) - 1, count() FROM t",
      "SELECT x % {p:UInt64} AS g, count() FROM t GROUP BY g ORDER BY g",
      "SELECT count() FROM t GROUP BY x % {p:UInt64} ORDER BY x % {p:UInt64}",
      "SELECT x, count() AS c FROM t GROUP BY x HAVING c > {p:UInt64} ORDER BY x",
      "SELECT x FROM t GROUP BY x HAVING sum(id) > 10 * {p:UInt64} ORDER BY x",
      "SELECT id FROM t ORDER BY id LIMIT {p:UInt64}",
      "SELECT id FROM t ORDER BY id LIMIT 2 OFFSET {p:UInt64}",
      "SELECT id FROM t ORDER BY id LIMIT {p:UInt64} WITH TIES",
      "SELECT x, id FROM t ORDER BY x, id LIMIT {p:UInt64} BY x",
      "SELECT x, id FROM t ORDER BY x, id LIMIT 1 OFFSET {p:UInt64} BY x",
      "SELECT id FROM t ORDER BY x % {p:UInt64}, id LIMIT 4",
      "SELECT id FROM t ORDER BY abs(toInt64(x) - toInt64({p:UInt64})), id LIMIT 3",
      "SELECT count() FROM numbers({p:UInt64})",
      "SELECT number FROM numbers({p:UInt64}, 2)",
      "SELECT a FROM (SELECT x + {p:UInt64} AS a FROM t) ORDER BY a LIMIT 3",
      "SELECT a FROM (SELECT x AS a FROM t LIMIT {p:UInt64}) ORDER BY a",
      "SELECT count() FROM (SELECT number FROM numbers({p:UInt64}) UNION ALL SELECT {p:UInt64})",
      "WITH {p:UInt64} AS w SELECT sum(x * w) FROM t",
      "WITH c AS (SELECT sum(x + {p:UInt64}) AS s FROM t) SELECT s FROM c",
      "SELECT id, L2Distance(v, [toFloat32({p:UInt64}), 1]) AS d FROM t ORDER BY d LIMIT 3",
      "SELECT id FROM t ORDER BY L2Distance(v, [toFloat32(2), 1]) LIMIT {p:UInt64}",
      "SELECT id FROM t WHERE L2Distance(v, [toFloat32(2), 1]) < {p:UInt64} ORDER BY "
      "L2Distance(v, [toFloat32(2), 1]) LIMIT 5",
      "SELECT id, {p:UInt64} FROM t WHERE x > {p:UInt64} ORDER BY L2Distance(v, [toFloat32(2), 1]) "
      "LIMIT 3",
      "SELECT id FROM t ORDER BY id LIMIT {p:UInt64} + toUInt64(now()) * 0",
      "SELECT DISTINCT x % {p:UInt64} AS m FROM t ORDER BY m",
      "SELECT q.id, t.id FROM (SELECT id, v FROM t WHERE id < {p:UInt64}) AS q CROSS JOIN t ORDER "
      "BY "
      "q.id, L2Distance(t.v, q.v) LIMIT 2 BY q.id",
      "SELECT q.id, t.id FROM (SELECT id, v FROM t WHERE id < 3) AS q CROSS JOIN t WHERE t.x > "
      "{p:UInt64} ORDER BY q.id, L2Distance(t.v, q.v) LIMIT 2 BY q.id",
      "SELECT q.id, t.id FROM (SELECT id, v FROM t WHERE id < 3) AS q CROSS JOIN t ORDER BY q.id, "
      "L2Distance(t.v, q.v) LIMIT {p:UInt64} BY q.id",
      "SELECT count() FROM vectorSearchRecall(t, near, {p:UInt64}, 2)",
  };
  return statements;
}

class PreparedStatementTest : public ::testing::TestWithParam<size_t> {};

TEST_P(PreparedStatementTest, AnswersLikeTheStatementRunAtOnce) {
  const auto database = OpenInMemory();
  database->Execute(
      "CREATE TABLE t (id UInt64, x UInt64, v Array(Float32), INDEX near v TYPE "
      "vector_similarity('hnsw', 'L2Distance', 2)) ENGINE = MergeTree ORDER BY id");
  database->Execute(
      "INSERT INTO t SELECT number, number % 7, [number % 5, number % 3] FROM numbers(40)");
  const std::string& sql = Statements()[GetParam()];
  PreparedStatement prepared = database->Prepare(sql);
  for (const uint64_t value : {1, 2, 5, 3, 3, 1, 2}) {
    ExecuteOptions options;
    options.parameters.Set("p", value);
    EXPECT_EQ(TextOf(prepared.Bind("p", value).Execute()), TextOf(database->Execute(sql, options)))
        << sql << " with " << value;
  }
}

TEST(PreparedNowTest, EveryRunHasItsOwnInstantAndSeed) {
  const auto database = OpenInMemory();
  PreparedStatement now = database->Prepare("SELECT toUnixTimestamp(now())");
  PreparedStatement filtered =
      database->Prepare("SELECT count() FROM numbers(3) WHERE toUnixTimestamp(now()) > {t:UInt64}");
  PreparedStatement random = database->Prepare("SELECT rand(), rand(1)");
  const uint64_t begin = std::stoull(TextOf(now.Execute()));
  EXPECT_EQ(TextOf(filtered.Bind("t", begin).Execute()), "0\n");
  EXPECT_NE(TextOf(random.Execute()), TextOf(random.Execute()));
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_GT(std::stoull(TextOf(now.Execute())), begin);
  EXPECT_EQ(TextOf(filtered.Execute()), "3\n");
}

INSTANTIATE_TEST_SUITE_P(Everywhere, PreparedStatementTest,
                         ::testing::Range<size_t>(0, Statements().size()));

}  // namespace
}  // namespace granary
