// Statements nested as deep as settings allow, on threads with stacks of any size: each of them ends
// with its result or an error.
#include <pthread.h>

#include <atomic>

#include <fmt/format.h>

#include "database_testing.h"

namespace granary {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kFactor = 4;
#elif defined(__SANITIZE_THREAD__)
constexpr size_t kFactor = 8;  // what the sanitizer keeps of a thread lies on its stack, too
#else
constexpr size_t kFactor = 1;
#endif

constexpr char kSettings[] =
    " SETTINGS max_parser_depth = 10000, max_ast_depth = 0, max_ast_elements = 0, "
    "max_expanded_ast_elements = 0";

std::string Repeat(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string Around(std::string_view before, std::string_view inner, std::string_view after,
                   size_t times) {
  return Repeat(before, times) + std::string(inner) + Repeat(after, times);
}

struct Shape {
  const char* name;
  std::string (*statement)(size_t depth);
};

std::string Select(const std::string& expression) {
  return "SELECT " + expression + " FROM t" + kSettings;
}

std::string SelectWhere(const std::string& condition) {
  return "SELECT id FROM t WHERE " + condition + kSettings;
}

const Shape kShapes[] = {
    {"calls", [](size_t n) { return Select(Around("abs(", "id", ")", n)); }},
    {"constants", [](size_t n) { return Select(Around("abs(", "1", ")", n)); }},
    {"parentheses", [](size_t n) { return Select(Around("(", "id", ")", n)); }},
    {"sums", [](size_t n) { return Select("id" + Repeat(" + id", n)); }},
    {"sums to the right", [](size_t n) { return Select(Around("id + (", "id", ")", n)); }},
    {"signs", [](size_t n) { return Select(Repeat("- ", n) + "id"); }},
    {"negations", [](size_t n) { return SelectWhere(Repeat("NOT ", n) + "id = 1"); }},
    {"conditions",
     [](size_t n) { return SelectWhere(Around("id = 1 OR (id > 2 AND (", "id = 3", "))", n / 2)); }},
    {"ands", [](size_t n) { return SelectWhere("id" + Repeat(" AND id = 1", n)); }},
    {"arrays", [](size_t n) { return Select(Around("[", "id", "]", n)); }},
    {"elements", [](size_t n) { return Select("v" + Repeat("[1]", n)); }},
    {"tuples", [](size_t n) { return Select(Around("tuple(", "id", ")", n)); }},
    {"cases",
     [](size_t n) { return Select(Around("CASE WHEN id = 1 THEN ", "id", " ELSE 0 END", n)); }},
    {"ifs", [](size_t n) { return Select(Around("if(id = 1, 1, ", "id", ")", n)); }},
    {"lambdas", [](size_t n) { return Select(Around("arrayMap(x -> sum(x), [", "1", "])", n)); }},
    {"aliases",
     [](size_t n) {
       std::string with = "WITH id AS a0";
       for (size_t i = 1; i <= n; ++i) with += fmt::format(", a{} + 1 AS a{}", i - 1, i);
       return with + fmt::format(" SELECT a{} FROM t", n) + kSettings;
     }},
    {"aggregates", [](size_t n) { return Select(Around("abs(", "sum(id)", ")", n)); }},
    {"orders",
     [](size_t n) {
       return "SELECT id FROM t ORDER BY " + Around("abs(", "id", ")", n) + " LIMIT 1" + kSettings;
     }},
    {"sources",
     [](size_t n) { return Around("SELECT * FROM (", "SELECT id FROM t", ")", n) + kSettings; }},
    {"scalars", [](size_t n) { return "SELECT " + Around("(SELECT ", "1", ")", n) + kSettings; }},
    {"sets",
     [](size_t n) { return Around("SELECT 1 WHERE 1 IN (", "SELECT 1", ")", n) + kSettings; }},
    {"unions",
     [](size_t n) { return Around("(SELECT 1 UNION ALL ", "SELECT 1", ")", n) + kSettings; }},
    {"explanations",
     [](size_t n) { return "EXPLAIN actions = 1 " + Select(Around("abs(", "id", ")", n)); }},
    {"types",
     [](size_t n) { return Select(Around("CAST(", "id", ", 'Array(Array(Array(String)))')", n)); }},
    {"defaults",
     [](size_t n) {
       return "CREATE TABLE d (id UInt64 DEFAULT " + Around("abs(", "1", ")", n) +
              ") ORDER BY id SETTINGS index_granularity = 8192";
     }},
    {"values", [](size_t n) { return "INSERT INTO t (id) VALUES (" + Around("abs(", "1", ")", n) + ")"; }},
    {"array values",
     [](size_t n) { return "INSERT INTO t (v) VALUES (" + Around("[", "1", "]", n) + ")"; }},
    {"deletions", [](size_t n) { return "DELETE FROM t WHERE " + Around("abs(", "id", ")", n) + " = 0"; }},
};

struct StatementRun {
  Database* database = nullptr;
  std::string statement;
  std::string outcome;  // empty: a result
};

void* RunStatement(void* argument) {
  StatementRun& run = *static_cast<StatementRun*>(argument);
  try {
    TextOf(run.database->Execute(run.statement));
  } catch (const Error& error) {
    run.outcome = error.what();
  }
  return nullptr;
}

void RunOnStackOf(size_t bytes, StatementRun& run) {
  pthread_attr_t attributes;
  pthread_t thread;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, bytes), 0);
  ASSERT_EQ(pthread_create(&thread, &attributes, RunStatement, &run), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
}

class SmallStackTest : public ::testing::TestWithParam<Shape> {};

TEST_P(SmallStackTest, EveryStackEndsInAResultOrAnError) {
  const auto database = OpenInMemory();
  database->Execute("CREATE TABLE t (id UInt64, v Array(Float32)) ORDER BY id");
  database->Execute("INSERT INTO t VALUES (1, [1]), (2, [2]), (3, [3])");
  for (const size_t kib : {192, 256, 384, 512, 1024, 8192}) {
    for (const size_t depth : {50, 200, 990, 4000, 9900}) {
      StatementRun run{database.get(), GetParam().statement(depth)};
      SCOPED_TRACE(fmt::format("{} KiB, depth {}", kib * kFactor, depth));
      ASSERT_NO_FATAL_FAILURE(RunOnStackOf(kib * kFactor * 1024, run));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, SmallStackTest, ::testing::ValuesIn(kShapes),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

TEST(SmallStack, SaysWhatToDo) {
  const auto database = OpenInMemory();
  database->Execute("CREATE TABLE t (id UInt64) ORDER BY id");
  StatementRun run{database.get(), Select(Around("abs(", "id", ")", 990))};
  RunOnStackOf(256 * kFactor * 1024, run);
  EXPECT_NE(run.outcome.find("stack"), std::string::npos) << run.outcome;
  EXPECT_NE(run.outcome.find("KiB; nest it less"), std::string::npos) << run.outcome;
}

TEST(SmallStack, OrdinaryStatementsRunOn256KiB) {
  const auto database = OpenInMemory();
  for (const char* statement :
       {"CREATE TABLE t (id UInt64, v Array(Float32), INDEX near v TYPE vector_similarity('hnsw', "
        "'L2Distance', 2) GRANULARITY 1000) ORDER BY id SETTINGS index_granularity = 64, "
        "vector_index_min_rows_for_graph = 0",
        "INSERT INTO t SELECT number, [number, number] FROM numbers(1000)",
        "SELECT id FROM t WHERE id % 3 = 0 ORDER BY L2Distance(v, [5, 5]) LIMIT 3",
        "SELECT id % 10 AS d, count(), uniqExact(id) FROM t GROUP BY d ORDER BY d LIMIT 3",
        "WITH q AS (SELECT * FROM (SELECT id, v FROM t WHERE id < 9)) SELECT count() FROM q WHERE id "
        "IN (SELECT id FROM t)",
        "ALTER TABLE t UPDATE v = [1, 2] WHERE id = 3", "DELETE FROM t WHERE id = 4",
        "OPTIMIZE TABLE t FINAL", "DROP TABLE t"}) {
    StatementRun run{database.get(), statement};
    RunOnStackOf(256 * kFactor * 1024, run);
    EXPECT_EQ(run.outcome, "") << statement;
  }
}

}  // namespace
}  // namespace granary
