// How long a statement goes on after it has been cancelled. Two ways to look at it:
//
// * In every run: the processor time between two checks of one thread. Each check asks the clock of
//   the database, as there is a max_execution_time; the clock of this test notes the time that the
//   asking thread has used. A busy machine does not make it longer, so that it can be asserted;
//   what is between a thread's last check and the statement's end counts too.
// * With GRANARY_CANCELS=n: n times for each case, the statement is cancelled at a random moment
// and
//   the time until it has ended is measured. That depends on the machine and is printed only; so is
//   the same with max_execution_time.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "granary/tests/bounds/bounds_table.h"
#include "granary/tests/query/database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

// What is promised is 100 ms for 99 of 100, which is printed. A loop that does not check at all
// goes on for seconds.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kLongestGapMs = 5000;
#else
constexpr double kLongestGapMs = 1000;
#endif

double ThreadMs() {
  timespec used;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) / 1e6;
}

thread_local double last_check_ms = -1;  // of this thread's processor time

// Notes the longest time between two questions of a thread.
class GapClock final : public Clock {
 public:
  std::chrono::system_clock::time_point Now() const override { return SystemClock().Now(); }
  std::chrono::steady_clock::time_point Monotonic() const override {
    Note();
    return SystemClock().Monotonic();
  }

  void Start() {
    longest_us_ = 0;
    checks_ = 0;
    last_check_ms = ThreadMs();
  }
  void Note() const {
    const double now = ThreadMs();
    if (last_check_ms >= 0) {
      const auto gap = static_cast<uint64_t>((now - last_check_ms) * 1e3);
      uint64_t longest = longest_us_;
      while (gap > longest && !longest_us_.compare_exchange_weak(longest, gap)) {
      }
    }
    ++checks_;
    last_check_ms = now;
  }
  double longest_ms() const { return static_cast<double>(longest_us_) / 1e3; }
  uint64_t checks() const { return checks_; }

 private:
  mutable std::atomic<uint64_t> longest_us_{0};
  mutable std::atomic<uint64_t> checks_{0};
};

struct Case {
  std::string name;
  std::string sql;
};

const std::string kVector = "[1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7]";

std::string Doubling(size_t levels) {
  std::string sql = "WITH c0 AS (SELECT 1 AS x)";
  for (size_t i = 1; i <= levels; ++i) {
    const std::string before = "c" + std::to_string(i - 1);
    sql += ", c" + std::to_string(i) + " AS (SELECT x FROM " + before +
           " UNION ALL SELECT x FROM " + before + ")";
  }
  return sql + " SELECT count() FROM c" + std::to_string(levels);
}

std::vector<Case> HardCases() {
  return {
      // Operators.
      {"Scan", "SELECT sum(length(s)) FROM t"},
      {"Sort",
       "SELECT count() FROM (SELECT number FROM numbers(3000000) ORDER BY "
       "xxHash64(number))"},
      {"SortOfStrings", "SELECT s FROM t ORDER BY reverse(s)"},
      {"FirstOfSort",
       "SELECT number FROM numbers(3000000) ORDER BY xxHash64(number) LIMIT 1000000"},
      {"GroupBy", "SELECT number AS g, count() FROM numbers(3000000) GROUP BY g"},
      {"GroupByStrings", "SELECT toString(number) AS g, count() FROM numbers(1000000) GROUP BY g"},
      {"Distinct", "SELECT DISTINCT xxHash64(number) FROM numbers(2000000)"},
      {"InSubquery", "SELECT count() FROM t WHERE id IN (SELECT number FROM numbers(3000000))"},
      {"InSubqueryOfStrings",
       "SELECT count() FROM t WHERE s IN (SELECT toString(number) FROM numbers(1000000))"},
      {"InSubqueryConverted",
       "SELECT count() FROM t WHERE toInt64(id) IN (SELECT number FROM "
       "numbers(500000))"},
      {"ExactSearch", "SELECT id FROM n ORDER BY L2Distance(v, " + kVector +
                          ") LIMIT 50000 SETTINGS vector_search_method = 'scan'"},
      {"ExactSearchOfArrays",
       "SELECT id FROM t ORDER BY L2Distance(a, [1,2,3,4,5,6,7,8]) LIMIT "
       "200000"},
      {"Join",
       "SELECT q.id, n.id FROM (SELECT id, v FROM n WHERE id < 300) AS q CROSS JOIN n ORDER "
       "BY L2Distance(n.v, q.v) LIMIT 100 BY q.id"},
      {"Planning", Doubling(14)},
      {"PlanningTooMuch", Doubling(40)},
      // Aggregates.
      {"uniqExact", "SELECT uniqExact(number) FROM numbers(5000000)"},
      {"uniqExactOfStrings", "SELECT uniqExact(toString(number)) FROM numbers(1000000)"},
      {"groupArray", "SELECT length(groupArray(number)) FROM numbers(5000000)"},
      {"groupArraySorted",
       "SELECT length(arraySort(groupArray(xxHash64(number)))) FROM "
       "numbers(2000000)"},
      {"median", "SELECT median(xxHash64(number)) FROM numbers(5000000)"},
      {"sumDistinct", "SELECT sum(DISTINCT number) FROM numbers(1000000)"},
      // Functions over one huge value.
      {"range", "SELECT length(range(30000000))"},
      {"arrayMap", "SELECT length(arrayMap(x -> x * 2 + 1, range(10000000)))"},
      {"arrayMapOfTexts", "SELECT length(arrayMap(x -> concat('a', toString(x)), range(1000000)))"},
      {"arrayFilter", "SELECT length(arrayFilter(x -> x % 3 = 0, range(10000000)))"},
      {"arraySort", "SELECT length(arraySort(x -> xxHash64(x), range(3000000)))"},
      {"arrayDistinct", "SELECT length(arrayDistinct(range(5000000)))"},
      {"arrayReverse", "SELECT length(arrayReverse(range(20000000)))"},
      {"arrayConcat", "SELECT length(arrayConcat(range(10000000), range(10000000)))"},
      {"arrayResize", "SELECT length(arrayResize([1], 20000000))"},
      {"arrayReduce", "SELECT arrayReduce('uniqExact', range(5000000))"},
      {"arrayReduceQuantile", "SELECT arrayReduce('median', range(10000000))"},
      {"arraySum", "SELECT arraySum(range(20000000))"},
      {"arrayUniq", "SELECT arrayUniq(range(3000000))"},
      {"arrayCompact", "SELECT length(arrayCompact(range(10000000)))"},
      {"arrayCumSum", "SELECT length(arrayCumSum(range(20000000)))"},
      {"arrayStringConcat", "SELECT length(arrayStringConcat(range(3000000), ','))"},
      {"has", "SELECT has(range(20000000), 4000000000)"},
      {"hasAll", "SELECT hasAll(range(2000000), range(2000000))"},
      {"toStringOfArray", "SELECT length(toString(range(3000000)))"},
      {"castToArray", "SELECT length(CAST(toString(range(2000000)) AS Array(UInt64)))"},
      {"repeat", "SELECT length(repeat('abc', 100000000))"},
      {"rightPad", "SELECT length(rightPad('a', 300000000, 'xyz'))"},
      {"space", "SELECT length(space(300000000))"},
      {"reverse", "SELECT length(reverse(repeat('abc', 100000000)))"},
      {"upper", "SELECT length(upper(repeat('abc', 100000000)))"},
      {"lowerUTF8", "SELECT length(lowerUTF8(repeat('Ä', 30000000)))"},
      {"lengthUTF8", "SELECT lengthUTF8(repeat('ä', 150000000))"},
      {"isValidUTF8", "SELECT isValidUTF8(repeat('ä', 50000000))"},
      {"position", "SELECT position(repeat('a', 300000000), concat(repeat('a', 1000), 'b'))"},
      {"positionCaseInsensitive", "SELECT positionCaseInsensitive(repeat('a', 100000000), 'ab')"},
      {"replaceAll", "SELECT length(replaceAll(repeat('ab', 5000000), 'b', 'cd'))"},
      {"countSubstrings", "SELECT countSubstrings(repeat('ab', 10000000), 'b')"},
      {"like", "SELECT repeat('a', 100000000) LIKE '%a%b%'"},
      {"likeWithAny", "SELECT repeat('a', 20000000) LIKE '%a_b%'"},
      {"splitByChar", "SELECT length(splitByChar(',', repeat('ab,', 3000000)))"},
      {"hex", "SELECT length(hex(repeat('abc', 30000000)))"},
      {"unhex", "SELECT length(unhex(repeat('61', 30000000)))"},
      {"xxHash64", "SELECT xxHash64(repeat('abc', 100000000))"},
      {"xxHash32", "SELECT xxHash32(repeat('abc', 100000000))"},
      {"xxh3", "SELECT xxh3(repeat('abc', 100000000))"},
      {"sipHash64", "SELECT sipHash64(repeat('abc', 100000000))"},
      {"concat", "SELECT length(concat(repeat('a', 200000000), repeat('b', 200000000)))"},
      {"substringUTF8", "SELECT length(substringUTF8(repeat('ä', 30000000), 20000000))"},
      // Statements.
      {"Insert", "INSERT INTO c SELECT number, toString(number) FROM numbers(500000)"},
      {"Update", "ALTER TABLE n UPDATE s = concat(s, 'x') WHERE id % 2 = 0"},
      {"Delete", "DELETE FROM c WHERE id % 3 = 0"},
      {"Optimize", "OPTIMIZE TABLE c FINAL"},
      {"MaterializeIndex", "ALTER TABLE n MATERIALIZE INDEX near"},
      {"Check", "CHECK TABLE c"},
  };
}

std::unique_ptr<Database> OpenWith(const Clock* clock) {
  DatabaseOptions options = BoundsDirectory::Shared().Options();
  options.clock = clock;
  if (clock != nullptr) options.settings.max_execution_time = 1e6;
  std::unique_ptr<Database> database = Database::Open(std::move(options));
  database->Execute(
      "CREATE TABLE IF NOT EXISTS c (id UInt32, s String) ENGINE = MergeTree ORDER BY "
      "s SETTINGS fsync = 'off'");
  return database;
}

void ReadAll(Database& database, const std::string& sql) {
  Result result = database.Execute(sql);
  while (result.Next()) {
  }
}

double Percentile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  const auto place = static_cast<size_t>(share * static_cast<double>(values.size()));
  return values[std::min(place, values.size() - 1)];
}

TEST(CancelTest, NoStatementWorksLongWithoutACheck) {
  GapClock clock;
  const auto database = OpenWith(&clock);
  ReadAll(*database, "ALTER TABLE n CLEAR INDEX near");
  std::vector<double> gaps;
  for (const Case& hard : HardCases()) {
    clock.Start();
    try {
      ReadAll(*database, hard.sql);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kTooBigAst) << hard.name << ": " << error.message();
    }
    clock.Note();
    gaps.push_back(clock.longest_ms());
    std::printf("%-26s %7.1f ms between checks at most, %llu checks\n", hard.name.c_str(),
                clock.longest_ms(), static_cast<unsigned long long>(clock.checks()));
    EXPECT_LE(clock.longest_ms(), kLongestGapMs) << hard.sql;
  }
  std::printf("p50 %.1f ms, p99 %.1f ms\n", Percentile(gaps, 0.5), Percentile(gaps, 0.99));
}

// Milliseconds from `stop` until the statement has ended, or nothing if it ended before.
std::optional<double> TimeToEnd(Database& database, const std::string& sql, double after_ms) {
  auto cancel = std::make_shared<CancelToken>();
  std::atomic<int64_t> cancelled_ns{0};
  const auto now_ns = [] {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  };
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(after_ms));
    cancelled_ns = now_ns();
    cancel->Cancel();
  });
  bool was_cancelled = false;
  try {
    ExecuteOptions options;
    options.cancel = cancel;
    Result result = database.Execute(sql, options);
    while (result.Next()) {
    }
  } catch (const Error& error) {
    was_cancelled = error.code() == ErrorCode::kQueryWasCancelled;
  }
  const int64_t ended_ns = now_ns();
  killer.join();
  if (!was_cancelled) return std::nullopt;
  return static_cast<double>(ended_ns - cancelled_ns) / 1e6;
}

TEST(CancelTest, TheTimeThatCancellingTakes) {
  const uint64_t times = NumberFromEnvironment("GRANARY_CANCELS", 0);
  if (times == 0) GTEST_SKIP() << "set GRANARY_CANCELS to measure it";
  const uint64_t seed = SeedOfThisRun();
  std::printf("GRANARY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  const auto database = OpenWith(nullptr);
  std::vector<double> all;
  for (const Case& hard : HardCases()) {
    std::vector<double> of_case;
    for (uint64_t i = 0; i < times; ++i) {
      const double after = std::uniform_real_distribution<double>(0, 400)(random);
      if (const auto ms = TimeToEnd(*database, hard.sql, after)) of_case.push_back(*ms);
    }
    all.insert(all.end(), of_case.begin(), of_case.end());
    if (of_case.empty()) continue;
    std::printf("%-26s %3zu cancelled, %7.1f ms at most\n", hard.name.c_str(), of_case.size(),
                *std::max_element(of_case.begin(), of_case.end()));
  }
  ASSERT_FALSE(all.empty());
  std::printf("%zu cancelled: p50 %.1f ms, p99 %.1f ms, most %.1f ms\n", all.size(),
              Percentile(all, 0.5), Percentile(all, 0.99), Percentile(all, 1));
}

TEST(CancelTest, TimeLimitsEndTheSameStatements) {
  const auto database = OpenWith(nullptr);
  for (const char* sql : {"SELECT length(arrayDistinct(range(50000000)))",
                          "SELECT sipHash64(repeat('abc', 300000000))",
                          "SELECT uniqExact(number) FROM numbers(1000000000)"}) {
    EXPECT_EQ(FailureOf(*database, std::string(sql) + " SETTINGS max_execution_time = 0.05"),
              ErrorCode::kTimeoutExceeded)
        << sql;
  }
}

TEST(CancelTest, PipesAndDevicesAreRefused) {
  const auto database = OpenWith(nullptr);
  const std::string pipe = BoundsDirectory::Shared().path() + "/pipe.csv";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const char* sql :
       {"SELECT * FROM file('pipe.csv', 'CSV', 'x UInt32')",
        "INSERT INTO c FROM INFILE 'pipe.csv' FORMAT CSV", "SELECT 1 INTO OUTFILE 'pipe.csv'"}) {
    EXPECT_EQ(FailureOf(*database, sql), ErrorCode::kCannotOpenFile) << sql;
  }
}

TEST(PlanningTest, ExpansionIsLimited) {
  const auto database = OpenWith(nullptr);
  EXPECT_EQ(FailureOf(*database, Doubling(40)), ErrorCode::kTooBigAst);
  EXPECT_EQ(FailureOf(*database, Doubling(40) + " SETTINGS max_expanded_ast_elements = 0, "
                                                "max_memory_usage = 64000000"),
            ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(FailureOf(*database, Doubling(40) + " SETTINGS max_expanded_ast_elements = 0, "
                                                "max_execution_time = 0.05"),
            ErrorCode::kTimeoutExceeded);
  EXPECT_EQ(FailureOf(*database, Doubling(5)), std::nullopt);
}

TEST(PlanningTest, SyntaxTreesAreLimited) {
  const auto database = OpenWith(nullptr);
  database->Execute("SET max_ast_elements = 20");
  EXPECT_EQ(FailureOf(*database, "SELECT 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11 + 12"),
            ErrorCode::kTooBigAst);
  EXPECT_EQ(FailureOf(*database,
                      "SELECT 1 IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, "
                      "19, 20, 21)"),
            std::nullopt);
  database->Execute("SET max_ast_elements = 0, max_ast_depth = 5");
  EXPECT_EQ(FailureOf(*database, "SELECT -(-(-(-(-(-(-(1)))))))"), ErrorCode::kTooDeepAst);
  EXPECT_EQ(FailureOf(*database, "SELECT 1 + 2"), std::nullopt);
}

}  // namespace
}  // namespace granary
