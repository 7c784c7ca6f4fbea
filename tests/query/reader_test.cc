// A read-only Database beside a writer: what it shows stays as it is until it is refreshed,
// whatever the writer does, and then it shows all that was committed. Both share one simulated
// disk, which frees removed files at once.
#include <chrono>
#include <thread>

#include <gmock/gmock.h>

#include "database_testing.h"
#include "granary/parts/simulated_disk.h"

namespace granary {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kAll[] = "SELECT a, s FROM t ORDER BY a";
constexpr char kNearest[] = "SELECT a FROM t ORDER BY L2Distance(v, [0., 2.]) LIMIT 2";

class ReaderTest : public ::testing::Test {
 protected:
  ReaderTest() {
    OpenWriter();
    Write(
        "CREATE TABLE t (a UInt64, s String, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'L2Distance', 2)) ENGINE = MergeTree ORDER BY a SETTINGS "
        "index_granularity = 2, vector_index_min_rows_for_graph = 0, min_bytes_for_wide_part = 0");
    Insert(1);
    Insert(2);
    OpenReader();
  }

  DatabaseOptions Options() {
    DatabaseOptions options;
    options.path = "/db";
    options.file_system = disk_;
    options.on_warning = [this](const std::string& warning) { warnings_.push_back(warning); };
    return options;
  }
  void OpenWriter() {
    writer_.reset();
    writer_ = OpenInMemory(Options());
  }
  void OpenReader(RefreshMode refresh = RefreshMode::kManual) {
    reader_.reset();
    DatabaseOptions options = Options();
    options.read_only = true;
    options.refresh = refresh;
    reader_ = OpenInMemory(std::move(options));
  }
  void Write(const std::string& sql) { writer_->Execute(sql).ReadAll(); }
  void Insert(uint64_t batch) {
    const std::string n = std::to_string(batch);
    Write("INSERT INTO t SELECT " + n + " * 10 + number, 's" + n + "', [number, " + n +
          "] FROM numbers(3)");
  }
  // Reads files, not caches.
  std::string Read(const std::string& sql) {
    reader_->Execute("SYSTEM DROP UNCOMPRESSED CACHE");
    return Query(*reader_, sql);
  }
  // Of the first table.
  std::vector<std::string> PartDirectories() {
    std::vector<std::string> names;
    for (const std::string& name : disk_->List("/db/tables/1")) {
      if (disk_->IsDirectory("/db/tables/1/" + name)) names.push_back(name);
    }
    return names;
  }
  size_t ActiveParts() { return std::stoul(Query(*writer_, "SELECT count() FROM system.parts")); }

  const std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
  std::vector<std::string> warnings_;
  std::unique_ptr<Database> writer_;
  std::unique_ptr<Database> reader_;
};

// Each takes away what the reader uses.
TEST_F(ReaderTest, ASnapshotSurvivesEverythingTheWriterDoes) {
  for (const char* statement :
       {"OPTIMIZE TABLE t FINAL", "DELETE FROM t WHERE a < 20", "OPTIMIZE TABLE t FINAL",
        "ALTER TABLE t UPDATE s = 'changed' WHERE 1", "ALTER TABLE t DELETE WHERE a % 2 = 0",
        "ALTER TABLE t CLEAR INDEX near", "ALTER TABLE t MATERIALIZE INDEX near",
        "TRUNCATE TABLE t", "DROP TABLE t"}) {
    SCOPED_TRACE(statement);
    Insert(3);
    OpenReader();
    const std::string rows = Read(kAll);
    const std::string nearest = Read(kNearest);
    Write(statement);
    EXPECT_EQ(Read(kAll), rows);
    EXPECT_EQ(Read(kNearest), nearest);
    OpenWriter();
    EXPECT_EQ(Read(kAll), rows) << "after a restart of the writer";
    EXPECT_EQ(Read(kNearest), nearest);
  }
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(ReaderTest, FilesMayBeOpenedForTheFirstTimeAfterTheyAreMergedAway) {
  Write("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(Read(kAll), "10\ts1\n11\ts1\n12\ts1\n20\ts2\n21\ts2\n22\ts2\n");
  EXPECT_EQ(Read(kNearest), "20\n10\n");
}

TEST_F(ReaderTest, FilesGoWithTheLastReader) {
  DatabaseOptions options = Options();
  options.read_only = true;
  const auto second = OpenInMemory(std::move(options));
  Write("OPTIMIZE TABLE t FINAL");
  ASSERT_EQ(ActiveParts(), 1u);
  EXPECT_EQ(PartDirectories().size(), 3u);
  reader_.reset();
  Write("ALTER TABLE t UPDATE s = 'x' WHERE 1");
  EXPECT_EQ(PartDirectories().size(), 4u) << "the second reader is still there";
  second->Refresh();
  EXPECT_EQ(Query(*second, "SELECT uniqExact(s) FROM t"), "1\n");
  Write("ALTER TABLE t UPDATE s = 'y' WHERE 1");
  EXPECT_EQ(PartDirectories().size(), 2u) << "it has moved on, and holds one part";
}

TEST_F(ReaderTest, TheWriterLooksByItself) {
  Write("OPTIMIZE TABLE t FINAL");
  ASSERT_EQ(PartDirectories().size(), 3u);
  reader_.reset();
  for (int i = 0; i < 300 && PartDirectories().size() > 1; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(PartDirectories().size(), 1u);
}

TEST_F(ReaderTest, WhatIsLeftAtClosingGoesAtTheNextOpen) {
  Write("OPTIMIZE TABLE t FINAL");
  writer_.reset();
  EXPECT_EQ(PartDirectories().size(), 3u);
  OpenWriter();
  EXPECT_EQ(PartDirectories().size(), 3u) << "the reader lives";
  reader_.reset();
  OpenWriter();
  EXPECT_EQ(PartDirectories().size(), 1u);
  EXPECT_FALSE(disk_->Exists("/db/readers"));
}

TEST_F(ReaderTest, OfADeadReaderNothingStays) {
  Write("OPTIMIZE TABLE t FINAL");
  const auto disk = disk_->AfterPowerCut(SimulatedDisk::Survivors::kAll);
  DatabaseOptions options = Options();
  options.file_system = disk;
  const auto writer = OpenInMemory(std::move(options));
  EXPECT_FALSE(disk->Exists("/db/readers"));
  EXPECT_EQ(disk->List("/db/tables/1").size(), 4u) << "log, its point, definition and one part";
}

// The name of a part that was never committed is used again.
TEST_F(ReaderTest, WhatNoRecordNamedGoesInSpiteOfReaders) {
  writer_.reset();
  const auto before = PartDirectories();
  disk_->CreateDirectory("/db/tables/1/all_3_3_0");
  disk_->Create("/db/tables/1/all_3_3_0/manifest")->Close();
  OpenWriter();
  EXPECT_EQ(PartDirectories(), before);
}

TEST_F(ReaderTest, AFailedStatementGivesItsSpaceBackInSpiteOfReaders) {
  const auto before = PartDirectories();
  EXPECT_NE(FailureOf(*writer_,
                      "INSERT INTO t SELECT number, 'x', [1, 2, throwIf(number = 5)] "
                      "FROM numbers(6)"),
            std::nullopt);
  EXPECT_EQ(PartDirectories(), before);
}

TEST_F(ReaderTest, AResultHalfReadKeepsItsRows) {
  reader_->Execute("SET max_block_size = 2, max_threads = 1");
  Result result = reader_->Execute("SELECT a, s FROM t");
  ASSERT_TRUE(result.Next().has_value());
  Write("OPTIMIZE TABLE t FINAL");
  Write("DROP TABLE t");
  reader_->Refresh();
  OpenWriter();
  Write("CREATE TABLE t (b UInt8) ENGINE = MergeTree ORDER BY b");
  uint64_t rows = 2;
  while (const auto block = result.Next()) rows += block->rows();
  EXPECT_EQ(rows, 6u);
  EXPECT_EQ(FailureOf(*reader_, "SELECT * FROM t"), ErrorCode::kUnknownTable);
  reader_->Refresh();
  EXPECT_EQ(Read("SELECT count() FROM t"), "0\n");
}

TEST_F(ReaderTest, RefreshSeesRowsAndTables) {
  Insert(3);
  Write("DELETE FROM t WHERE a < 20");
  Write("CREATE TABLE u (b String) ENGINE = MergeTree ORDER BY b");
  Write("INSERT INTO u VALUES ('x')");
  EXPECT_EQ(Read("SELECT count() FROM t"), "6\n");
  EXPECT_EQ(FailureOf(*reader_, "SELECT * FROM u"), ErrorCode::kUnknownTable);
  reader_->Refresh();
  EXPECT_EQ(Read(kAll), "20\ts2\n21\ts2\n22\ts2\n30\ts3\n31\ts3\n32\ts3\n");
  EXPECT_EQ(Read("SELECT b FROM u"), "x\n");
  Write("RENAME TABLE t TO w");
  Write("DROP TABLE u");
  EXPECT_EQ(Read("SHOW TABLES"), "t\nu\n");
  reader_->Refresh();
  EXPECT_EQ(Read("SHOW TABLES"), "w\n");
  EXPECT_EQ(Read("SELECT count() FROM w"), "6\n");
  EXPECT_THAT(Read("SHOW CREATE TABLE w"), HasSubstr("w"));
}

TEST_F(ReaderTest, RefreshSeesAnotherDefinition) {
  Write("ALTER TABLE t DROP INDEX near");
  Write("ALTER TABLE t ADD INDEX few a TYPE minmax");
  EXPECT_THAT(Read("SHOW CREATE TABLE t"), HasSubstr("near"));
  reader_->Refresh();
  EXPECT_THAT(Read("SHOW CREATE TABLE t"), HasSubstr("few"));
  EXPECT_EQ(Read("SELECT count() FROM t WHERE a > 15"), "3\n");
}

TEST_F(ReaderTest, RefreshSeesViews) {
  Write("CREATE VIEW v AS SELECT a FROM t WHERE a > 15");
  OpenReader();
  auto count = reader_->Prepare("SELECT count() FROM v");
  EXPECT_EQ(TextOf(count.Execute()), "3\n");
  Write("CREATE OR REPLACE VIEW v AS SELECT a FROM t WHERE a > 20");
  Write("CREATE VIEW w AS SELECT a FROM v");
  EXPECT_EQ(TextOf(count.Execute()), "3\n");
  EXPECT_EQ(FailureOf(*reader_, "SELECT * FROM w"), ErrorCode::kUnknownTable);
  reader_->Refresh();
  EXPECT_EQ(TextOf(count.Execute()), "2\n");
  EXPECT_EQ(Read("SELECT * FROM w ORDER BY a"), "21\n22\n");
  Write("RENAME TABLE v TO x");
  Write("DROP VIEW w");
  reader_->Refresh();
  EXPECT_EQ(Read("SHOW TABLES"), "t\nx\n");
  EXPECT_EQ(Read("SELECT count() FROM x"), "2\n");
  EXPECT_THROW(count.Execute(), Error);
  EXPECT_EQ(FailureOf(*reader_, "CREATE VIEW y AS SELECT 1"), ErrorCode::kReadonly);
  EXPECT_EQ(FailureOf(*reader_, "CREATE OR REPLACE VIEW x AS SELECT 1"), ErrorCode::kReadonly);
}

TEST_F(ReaderTest, PreparedStatementsGoOn) {
  auto count = reader_->Prepare("SELECT count() FROM t WHERE a >= {least:UInt64}");
  count.Bind("least", uint64_t{0});
  EXPECT_EQ(TextOf(count.Execute()), "6\n");
  Insert(3);
  Write("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(TextOf(count.Execute()), "6\n");
  reader_->Refresh();
  EXPECT_EQ(TextOf(count.Execute()), "9\n");
  Write("DROP TABLE t");
  reader_->Refresh();
  EXPECT_THROW(count.Execute(), Error);
}

TEST_F(ReaderTest, RefreshIsLessThanAnotherOpen) {
  Insert(3);
  reader_->Refresh();
  const uint64_t operations = disk_->operations();
  reader_->Refresh();
  EXPECT_EQ(disk_->operations(), operations) << "nothing has changed: no other lease";
}

TEST_F(ReaderTest, AutomaticRefreshSeesEveryStatement) {
  OpenReader(RefreshMode::kAuto);
  auto prepared = reader_->Prepare("SELECT count() FROM t");
  for (uint64_t batch = 3; batch < 8; ++batch) {
    Insert(batch);
    EXPECT_EQ(Read("SELECT count() FROM t"), std::to_string(3 * batch) + "\n");
    Write("OPTIMIZE TABLE t FINAL");
    EXPECT_EQ(TextOf(prepared.Execute()), std::to_string(3 * batch) + "\n");
  }
  Write("RENAME TABLE t TO w");
  EXPECT_EQ(Read("SHOW TABLES"), "w\n");
  writer_.reset();
  OpenWriter();
  Write("DELETE FROM w WHERE 1");
  EXPECT_EQ(Read("SELECT count() FROM w"), "0\n");
  EXPECT_LE(PartDirectories().size(), ActiveParts() + 1);
}

TEST_F(ReaderTest, RefreshOfAWriterDoesNothing) {
  writer_->Refresh();
  EXPECT_EQ(Query(*writer_, "SELECT count() FROM t"), "6\n");
}

// A reader that may not write goes on without a lease, and mends itself at Refresh.
TEST_F(ReaderTest, WithoutALeaseStatementsFailUntilRefresh) {
  reader_.reset();
  disk_->FailAt(disk_->operations(), EACCES);
  OpenReader();
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_THAT(warnings_[0], HasSubstr("/db/readers"));
  Write("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(FailureOf(*reader_, kAll), ErrorCode::kFileDoesntExist);
  reader_->Refresh();
  EXPECT_EQ(Read("SELECT count() FROM t"), "6\n");
}

}  // namespace
}  // namespace granary
