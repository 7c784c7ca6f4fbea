// The Database façade: statements from end to end, sessions, block-wise inserts, cancellation and
// limits, many threads.
#include "granary/query/database.h"

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "database_testing.h"

namespace granary {
namespace {

TEST(DatabaseTest, CreatesInsertsAndSelects) {
  const auto database = OpenInMemory();
  database->Execute("CREATE TABLE t (id UInt64, name String) ENGINE = MergeTree ORDER BY id");
  database->Execute("INSERT INTO t VALUES (3, 'c'), (1, 'a')");
  database->Execute("INSERT INTO t VALUES (2, 'b')");
  EXPECT_EQ(Query(*database, "SELECT * FROM t ORDER BY id"), "1\ta\n2\tb\n3\tc\n");
  EXPECT_EQ(Query(*database, "SELECT name FROM t WHERE id >= 2 ORDER BY id DESC LIMIT 1"), "c\n");
  EXPECT_EQ(Query(*database, "SELECT count(), sum(id) FROM t"), "3\t6\n");
  EXPECT_EQ(Query(*database, "SELECT count() FROM system.parts WHERE table = 't'"), "2\n");
}

TEST(DatabaseTest, AFailedInsertLeavesNothing) {
  const auto database = OpenInMemory();
  database->Execute(
      "CREATE TABLE t (id UInt64, v Array(Float32), CONSTRAINT c CHECK length(v) = 2) "
      "ENGINE = MergeTree ORDER BY id");
  EXPECT_EQ(FailureOf(*database, "INSERT INTO t VALUES (1, [1, 2]), (2, [1])"),
            ErrorCode::kViolatedConstraint);
  EXPECT_EQ(FailureOf(*database, "INSERT INTO t VALUES (1, [1, 2]), (oops"),
            ErrorCode::kCannotParseInput);
  EXPECT_EQ(Query(*database, "SELECT count() FROM t"), "0\n");
}

TEST(DatabaseTest, AnInsertOfManyBlocksIsOneStatement) {
  const auto database = OpenInMemory();
  database->Execute("CREATE TABLE t (id UInt64, CONSTRAINT small CHECK id < 95) ORDER BY id");
  EXPECT_EQ(FailureOf(*database,
                      "INSERT INTO t SELECT * FROM numbers(100) SETTINGS "
                      "max_insert_block_size = 10, max_block_size = 10"),
            ErrorCode::kViolatedConstraint);
  EXPECT_EQ(Query(*database, "SELECT count() FROM system.parts"), "0\n");
  Session session(database.get());
  session.Set("max_insert_block_size", Value(uint64_t{10}));
  std::string rows;
  for (int i = 0; i < 45; ++i) rows += "(" + std::to_string(i) + ")";
  EXPECT_EQ(session.Execute("INSERT INTO t VALUES " + rows).rows_written(), 45u);
  EXPECT_EQ(Query(*database, "SELECT count(), sum(rows), max(rows) FROM system.parts"),
            "5\t45\t10\n");
}

TEST(DatabaseTest, ARenamedTableIsTheSameTable) {
  const auto database = OpenInMemory();
  database->Execute("CREATE TABLE t (id UInt64) ORDER BY id");
  database->Execute("INSERT INTO t VALUES (1)");
  database->Execute("RENAME TABLE t TO u");
  database->Execute("INSERT INTO u VALUES (2)");
  EXPECT_EQ(Query(*database, "SELECT sum(id) FROM u"), "3\n");
  EXPECT_EQ(FailureOf(*database, "SELECT sum(id) FROM t"), ErrorCode::kUnknownTable);
  EXPECT_NE(Query(*database, "SELECT create_table_query FROM system.tables WHERE name = 'u'")
                .find("CREATE TABLE u"),
            std::string::npos);
  database->Execute("SYSTEM DROP VECTOR SIMILARITY INDEX CACHE");
  database->Execute("SYSTEM DROP UNCOMPRESSED CACHE");
  EXPECT_EQ(FailureOf(*database, "SYSTEM FLUSH LOGS"), ErrorCode::kNotImplemented);
  EXPECT_EQ(Query(*database, "SELECT sum(id) FROM u"), "3\n");
}

TEST(DatabaseTest, DefaultsFillOmittedColumns) {
  const auto database = OpenInMemory();
  database->Execute(
      "CREATE TABLE t (a UInt32, b UInt32 DEFAULT c + 1, c UInt32 DEFAULT a * 10, s String) "
      "ENGINE = MergeTree ORDER BY a");
  database->Execute("INSERT INTO t (a) VALUES (1), (2)");
  database->Execute("INSERT INTO t (a, c) VALUES (3, 7), (4, DEFAULT)");
  EXPECT_EQ(Query(*database, "SELECT * FROM t ORDER BY a"),
            "1\t11\t10\t\n2\t21\t20\t\n3\t8\t7\t\n4\t41\t40\t\n");
}

TEST(DatabaseTest, BlocksGoInWithoutSql) {
  const auto database = OpenInMemory();
  database->Execute("CREATE TABLE t (a UInt64, s String DEFAULT 'x') ORDER BY a");
  Inserter inserter(database.get(), "t");
  for (uint64_t i = 0; i < 3; ++i) {
    Block block;
    block.Add("a", std::make_shared<NumberColumn<uint64_t>>(
                       TypeId::kUInt64, std::vector<uint64_t>{2 * i, 2 * i + 1}));
    inserter.Append(block);
  }
  EXPECT_EQ(Query(*database, "SELECT count() FROM t"), "0\n");
  inserter.Finish();
  EXPECT_EQ(Query(*database, "SELECT sum(a), any(s), count() FROM t"), "15\tx\t6\n");

  Block wrong;
  wrong.Add("a",
            std::make_shared<NumberColumn<uint32_t>>(TypeId::kUInt32, std::vector<uint32_t>{1}));
  try {
    database->Insert("t", wrong);
    FAIL() << "a block of another type was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kTypeMismatch);
  }
}

TEST(DatabaseTest, DataSurvivesReopening) {
  const std::string path = ::testing::TempDir() + "granary_database_test";
  std::filesystem::remove_all(path);
  {
    const auto database = Database::Open({.path = path, .threads = 2});
    database->Execute(
        "CREATE TABLE t (id UInt64, d Date, v Array(Float32), INDEX m id TYPE minmax) "
        "ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY id SETTINGS index_granularity = 2");
    database->Execute("INSERT INTO t VALUES (1, '2024-01-01', [1]), (2, '2024-02-01', [2])");
    database->Execute("RENAME TABLE t TO u");
    try {
      Database::Open({.path = path});
      FAIL() << "the directory was opened twice";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kLockedDirectory);
    }
    const auto reader = Database::Open({.path = path, .read_only = true});
    EXPECT_EQ(Query(*reader, "SELECT id FROM u ORDER BY id"), "1\n2\n");
    EXPECT_EQ(FailureOf(*reader, "INSERT INTO u VALUES (3, '2024-01-01', [1])"),
              ErrorCode::kReadonly);
  }
  const auto database = Database::Open({.path = path, .threads = 2});
  EXPECT_EQ(Query(*database, "SELECT id, v FROM u WHERE d > '2024-01-15'"), "2\t[2]\n");
  EXPECT_NE(Query(*database, "SHOW CREATE TABLE u").find("CREATE TABLE default.u"),
            std::string::npos);
  database->Execute("DROP TABLE u");
  EXPECT_EQ(Query(*database, "SHOW TABLES"), "");
}

TEST(DatabaseTest, SessionsKeepSettingsAndParameters) {
  const auto database = OpenInMemory();
  Session a(database.get());
  Session b(database.get());
  a.Execute("SET max_block_size = 7, param_x = 'abc'");
  EXPECT_EQ(a.settings().max_block_size, 7u);
  EXPECT_NE(b.settings().max_block_size, 7u);
  EXPECT_EQ(TextOf(a.Execute("SELECT {x:String}")), "abc\n");
  EXPECT_THROW(b.Execute("SELECT {x:String}"), Error);
  EXPECT_THROW(a.Execute("SET max_block_size = 9, no_such_setting = 1"), Error);
  EXPECT_EQ(a.settings().max_block_size, 7u);
}

TEST(DatabaseTest, ParametersComeTyped) {
  const auto database = OpenInMemory();
  ExecuteOptions options;
  options.parameters.Set("n", 3);
  options.parameters.Set("s", "it's");
  const std::vector<float> vector = {0.5f, 1.25f};
  options.parameters.Set("v", std::span<const float>(vector));
  options.parameters.SetText("t", "[1, 2]");
  EXPECT_EQ(TextOf(database->Execute(
                "SELECT {n:UInt8} + 1, {s:String}, {v:Array(Float32)}, {t:Array(UInt8)}", options)),
            "4\tit\\'s\t[0.5,1.25]\t[1,2]\n");
  try {
    database->Execute("SELECT {s:UInt8}", options);
    FAIL() << "a text was taken for a number";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadQueryParameter);
  }
}

TEST(DatabaseTest, APreparedStatementSeesNewRowsAndNewSchemas) {
  const auto database = OpenInMemory();
  database->Execute("CREATE TABLE t (id UInt64, x UInt64) ORDER BY id");
  PreparedStatement count = database->Prepare("SELECT count() FROM t WHERE x > {x:UInt64}");
  ASSERT_EQ(count.parameters().size(), 1u);
  EXPECT_EQ(count.parameters()[0].type, DataType(TypeId::kUInt64));
  EXPECT_THROW(count.Bind("y", 1), Error);
  EXPECT_THROW(count.Execute(), Error);
  EXPECT_EQ(TextOf(count.Bind("x", 5).Execute()), "0\n");
  database->Execute("INSERT INTO t VALUES (1, 6), (2, 9)");
  EXPECT_EQ(TextOf(count.Execute()), "2\n");
  EXPECT_EQ(TextOf(count.Bind("x", 7).Execute()), "1\n");
  database->Execute("ALTER TABLE t ADD INDEX m x TYPE minmax");
  EXPECT_EQ(TextOf(count.Execute()), "1\n");
  database->Execute("DROP TABLE t");
  database->Execute("CREATE TABLE t (x String, id UInt8) ORDER BY id");
  EXPECT_THROW(count.Execute(), Error);
}

TEST(DatabaseTest, APreparedStatementSeesThatAViewIsAnother) {
  const auto database = OpenInMemory();
  database->Execute("CREATE VIEW inner AS SELECT 1 AS a");
  database->Execute("CREATE VIEW v AS SELECT a FROM inner");
  PreparedStatement prepared = database->Prepare("SELECT a FROM v");
  EXPECT_EQ(TextOf(prepared.Execute()), "1\n");
  database->Execute("CREATE OR REPLACE VIEW inner AS SELECT 2 AS a");
  EXPECT_EQ(TextOf(prepared.Execute()), "2\n");
  database->Execute("DROP VIEW v");
  EXPECT_THROW(prepared.Execute(), Error);
  database->Execute("CREATE TABLE v (a UInt8) ORDER BY a");
  EXPECT_EQ(TextOf(prepared.Execute()), "");
}

TEST(DatabaseTest, ValuesOfAViewAreThoseThatAreBound) {
  const auto database = OpenInMemory();
  database->Execute("CREATE VIEW v AS SELECT {x:UInt8} + 1 AS y");
  PreparedStatement prepared = database->Prepare("SELECT y FROM v(x = {given:UInt8})");
  EXPECT_EQ(TextOf(prepared.Bind("given", 1).Execute()), "2\n");
  EXPECT_EQ(TextOf(prepared.Bind("given", 2).Execute()), "3\n");
}

TEST(DatabaseTest, BlocksAreNotInsertedIntoAView) {
  const auto database = OpenInMemory();
  database->Execute("CREATE VIEW v AS SELECT toUInt8(1) AS a");
  const Block block = database->Execute("SELECT toUInt8(1) AS a").ReadAll();
  try {
    database->Insert("v", block);
    FAIL() << "there is no place for rows";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotImplemented);
  }
}

TEST(DatabaseTest, CancelledAndLateStatementsEnd) {
  const auto database = OpenInMemory();
  const char* endless = "SELECT count() FROM numbers(100000000000) WHERE number % 7 = 8";
  const auto code_of = [&](const ExecuteOptions& options, const char* sql) {
    try {
      database->Execute(sql, options).ReadAll();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kLogicalError;
  };
  EXPECT_EQ(code_of({},
                    "SELECT count() FROM numbers(100000000000) WHERE number % 7 = 8 "
                    "SETTINGS max_execution_time = 0.05"),
            ErrorCode::kTimeoutExceeded);

  ExecuteOptions options;
  options.query_id = "endless";
  options.cancel = std::make_shared<CancelToken>();
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    options.cancel->Cancel();
  });
  EXPECT_EQ(code_of(options, endless), ErrorCode::kQueryWasCancelled);
  canceller.join();

  options.cancel = nullptr;
  std::thread killer([&] {
    while (Query(*database, "KILL QUERY WHERE query_id = 'endless' SYNC").empty()) {
    }
  });
  EXPECT_EQ(code_of(options, endless), ErrorCode::kQueryWasCancelled);
  killer.join();
  EXPECT_FALSE(database->Cancel("endless"));
}

TEST(DatabaseTest, CancellingTakesLessThanATenthOfASecond) {
  const auto database = OpenInMemory();
  Result result = database->Execute("SELECT sum(xxHash64(number)) FROM numbers(100000000000)");
  std::chrono::steady_clock::time_point cancelled;
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    cancelled = std::chrono::steady_clock::now();
    result.Cancel();
  });
  EXPECT_THROW(result.Next(), Error);
  const auto ended = std::chrono::steady_clock::now();
  canceller.join();
  EXPECT_LT(std::chrono::duration<double>(ended - cancelled).count(), 1.0);
}

TEST(DatabaseTest, MemoryIsBoundedAndGivenBack) {
  const auto database = OpenInMemory();
  EXPECT_EQ(FailureOf(*database,
                      "SELECT number FROM numbers(10000000) ORDER BY number % 1000 "
                      "SETTINGS max_memory_usage = 1000000"),
            ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(FailureOf(*database,
                      "SELECT number, count() FROM numbers(10000000) GROUP BY number "
                      "SETTINGS max_memory_usage = 1000000"),
            ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(FailureOf(*database,
                      "SELECT DISTINCT number FROM numbers(10000000) "
                      "SETTINGS max_memory_usage = 1000000"),
            ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(Query(*database, "SELECT number FROM numbers(10000000) ORDER BY number DESC LIMIT 1"),
            "9999999\n");
  EXPECT_EQ(database->memory_used(), 0u);
}

// Searches cache the columns that they read of the rows found.
TEST(DatabaseTest, CachedColumnsCountAgainstTheMemoryLimit) {
  constexpr size_t kLimit = 1 << 20;
  DatabaseOptions options;
  options.memory_limit_bytes = kLimit;
  const auto database = OpenInMemory(std::move(options));
  database->Execute(
      "CREATE TABLE t (id UInt64, v Array(Float32)) ORDER BY id SETTINGS index_granularity = 1000");
  for (int part = 0; part < 20; ++part) {
    database->Execute("INSERT INTO t SELECT number, [" + std::to_string(part) +
                      ", number] FROM numbers(5000)");
  }
  database->Execute("SYSTEM DROP UNCOMPRESSED CACHE");
  EXPECT_EQ(database->memory_used(), 0u);
  size_t most = 0;
  for (int part = 0; part < 20; ++part) {
    EXPECT_EQ(Query(*database, "SELECT id FROM t ORDER BY L2Distance(v, [" + std::to_string(part) +
                                   "., 77.]) LIMIT 1"),
              "77\n");
    most = std::max(most, database->memory_used());
    EXPECT_LE(database->memory_used(), kLimit / 4);
  }
  // Of 20 times 40,000 bytes, as many as have room.
  EXPECT_GT(most, kLimit / 8);
  database->Execute("SYSTEM DROP UNCOMPRESSED CACHE");
  EXPECT_EQ(database->memory_used(), 0u);
}

TEST(DatabaseTest, ProgressIsReportedWhileAStatementRuns) {
  const auto database = OpenInMemory();
  std::atomic<uint64_t> calls{0};
  ExecuteOptions options;
  options.on_progress = [&](const StatementProgress&) { ++calls; };
  Result result = database->Execute(
      "SELECT count() FROM numbers(100000000000) WHERE number % 7 = 8 "
      "SETTINGS max_execution_time = 0.5",
      options);
  EXPECT_THROW(result.Next(), Error);
  EXPECT_GE(calls.load(), 1u);
}

// Writers insert blocks whose values sum to 0; every reader must see whole statements.
TEST(DatabaseTest, ReadersSeeWholeStatementsWhileWritersWrite) {
  DatabaseOptions options;
  options.threads = 2;
  const auto database = Database::Open(std::move(options));
  database->Execute("CREATE TABLE t (k UInt8, x Int64) PARTITION BY k ORDER BY x");
  constexpr int kInserts = 40;
  constexpr int kReads = 5;
  std::atomic<int> inserts{0};
  std::atomic<int> reads{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&] {
      for (int i = 0; i < kInserts || reads.load() < kReads; ++i) {
        database->Execute("INSERT INTO t VALUES (0, 5), (1, -2), (1, -3)");
        ++inserts;
      }
    });
  }
  std::thread reader([&] {
    while (!done.load()) {
      EXPECT_EQ(Query(*database, "SELECT sum(x), count() % 3 FROM t"), "0\t0\n");
      ++reads;
    }
  });
  for (std::thread& writer : writers) writer.join();
  done.store(true);
  reader.join();
  database->Execute("SYSTEM WAIT MERGES");
  database->Execute("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(Query(*database, "SELECT sum(x), count() FROM t"),
            "0\t" + std::to_string(3 * inserts.load()) + "\n");
  EXPECT_EQ(Query(*database, "SELECT count() FROM system.parts WHERE table = 't'"), "2\n");
}

TEST(DatabaseTest, UnknownThingsHaveTheirCodes) {
  const auto database = OpenInMemory();
  database->Execute("CREATE TABLE t (id UInt64) ORDER BY id");
  EXPECT_EQ(FailureOf(*database, "SELECT nope FROM t"), ErrorCode::kUnknownIdentifier);
  EXPECT_EQ(FailureOf(*database, "SELECT * FROM nope"), ErrorCode::kUnknownTable);
  EXPECT_EQ(FailureOf(*database, "SELECT * FROM nope.t"), ErrorCode::kUnknownDatabase);
  EXPECT_EQ(FailureOf(*database, "SELECT * FROM t FINAL"), ErrorCode::kNotImplemented);
  EXPECT_EQ(FailureOf(*database, "SELECT * FROM numbers(2) AS a, numbers(2) AS b"),
            ErrorCode::kNotImplemented);
  EXPECT_EQ(FailureOf(*database, "CREATE TABLE t (id UInt64) ORDER BY id"),
            ErrorCode::kTableAlreadyExists);
  EXPECT_EQ(FailureOf(*database, "CREATE TABLE u (id Nope) ORDER BY id"), ErrorCode::kUnknownType);
  EXPECT_EQ(FailureOf(*database, "CREATE TABLE u (id UInt64) ENGINE = Nope ORDER BY id"),
            ErrorCode::kUnknownStorage);
  EXPECT_EQ(FailureOf(*database, "CREATE TABLE u (id UInt64) ENGINE = Memory"),
            ErrorCode::kNotImplemented);
  EXPECT_EQ(FailureOf(*database, "CREATE TABLE u (id UInt64) ENGINE = MergeTree"),
            ErrorCode::kBadArguments);
  EXPECT_EQ(FailureOf(*database, "CREATE TABLE u (id UInt64) ORDER BY id SETTINGS nope = 1"),
            ErrorCode::kUnknownSetting);
  EXPECT_EQ(FailureOf(*database, "INSERT INTO t (nope) VALUES (1)"),
            ErrorCode::kNoSuchColumnInTable);
  EXPECT_EQ(FailureOf(*database, "INSERT INTO t (id, id) VALUES (1, 1)"),
            ErrorCode::kDuplicateColumn);
  EXPECT_EQ(FailureOf(*database, "SELECT * FROM file('x.csv')"), ErrorCode::kPathAccessDenied);
  EXPECT_EQ(FailureOf(*database, "SELECT 1 LIMIT -1"), ErrorCode::kInvalidLimitExpression);
  EXPECT_EQ(FailureOf(*database, "DETACH TABLE t"), ErrorCode::kNotImplemented);
  EXPECT_EQ(Query(*database, "SHOW TABLES"), "t\n");
}

TEST(DatabaseTest, FilesAreOpenedBelowUserFilesPathOnly) {
  const std::string directory = ::testing::TempDir() + "granary_user_files";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  std::filesystem::create_directory_symlink("/", directory + "/root");
  DatabaseOptions options;
  options.user_files_path = directory;
  const auto database = OpenInMemory(std::move(options));
  database->Execute("SELECT number, toString(number) FROM numbers(3) INTO OUTFILE 'x.csv'");
  EXPECT_EQ(Query(*database, "SELECT * FROM file('x.csv', CSV, 'a UInt8, b String')"),
            "0\t0\n1\t1\n2\t2\n");
  database->Execute("CREATE TABLE t (a UInt8, b String) ORDER BY a");
  database->Execute("INSERT INTO t FROM INFILE 'x.csv'");
  EXPECT_EQ(Query(*database, "SELECT sum(a) FROM t"), "3\n");
  EXPECT_EQ(FailureOf(*database, "SELECT * FROM file('../x.csv', CSV, 'a UInt8')"),
            ErrorCode::kPathAccessDenied);
  EXPECT_EQ(FailureOf(*database, "SELECT * FROM file('root/etc/passwd', CSV, 'a String')"),
            ErrorCode::kPathAccessDenied);
}

}  // namespace
}  // namespace granary
