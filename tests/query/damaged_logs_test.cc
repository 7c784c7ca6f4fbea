// Logs that are damaged, lost or exchanged, as a user of the database sees it: the error names the
// file and the way on, the other tables go on, and restoring brings the rows back.
#include <cerrno>

#include <gmock/gmock.h>

#include "database_testing.h"
#include "granary/parts/simulated_disk.h"

namespace granary {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DamagedLogs : public ::testing::Test {
 protected:
  DamagedLogs() {
    Open();
    for (const char* sql :
         {"CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a",
          "INSERT INTO t VALUES (1), (2)", "INSERT INTO t VALUES (3)", "DELETE FROM t WHERE a = 1",
          "OPTIMIZE TABLE t FINAL", "CREATE TABLE u (b String) ENGINE = MergeTree ORDER BY b",
          "INSERT INTO u VALUES ('x'), ('y')", "DELETE FROM u WHERE b = 'y'"}) {
      database_->Execute(sql);
    }
  }

  Database& Open(bool restore = false, bool read_only = false) {
    database_.reset();
    warnings_.clear();
    DatabaseOptions options;
    options.path = "db";
    options.file_system = disk_;
    options.restore = restore;
    options.read_only = read_only;
    options.on_warning = [this](const std::string& warning) { warnings_.push_back(warning); };
    database_ = OpenInMemory(std::move(options));
    return *database_;
  }

  void Close() { database_.reset(); }

  std::string OpenError(bool read_only = false) {
    try {
      Open(false, read_only);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptedData) << error.what();
      return error.message();
    }
    return "";
  }

  std::string ErrorOf(std::string_view sql) {
    try {
      Query(*database_, sql);
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }

  // From `begin` of a file on, every byte.
  void Wreck(const std::string& path, uint64_t begin) {
    for (uint64_t offset = begin; offset < disk_->Size(path); ++offset) {
      disk_->Damage(path, offset, std::byte{0x55});
    }
  }

  void ExpectAllRows() {
    EXPECT_EQ(Query(*database_, "SELECT a FROM t ORDER BY a"), "2\n3\n");
    EXPECT_EQ(Query(*database_, "SELECT b FROM u"), "x\n");
  }

  std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
  std::vector<std::string> warnings_;
  std::unique_ptr<Database> database_;
};

TEST_F(DamagedLogs, OneFlippedBitCostsNothing) {
  Close();
  const auto pristine = disk_;
  for (const char* path : {"db/catalog", "db/tables/1/commit_log", "db/tables/2/commit_log"}) {
    const uint64_t bytes = pristine->Size(path);
    for (uint64_t offset = 0; offset < bytes; offset += 3) {
      SCOPED_TRACE(::testing::Message() << path << " offset " << offset);
      disk_ = pristine->AfterPowerCut(SimulatedDisk::Survivors::kAll);
      disk_->Damage(path, offset, std::byte{0x10});
      Open();
      ASSERT_NO_FATAL_FAILURE(ExpectAllRows());
      ASSERT_THAT(warnings_, Contains(HasSubstr(path)));
    }
  }
}

TEST_F(DamagedLogs, AMissingCatalogueIsRefusedAndRestored) {
  database_->Execute("RENAME TABLE u TO renamed");
  database_->Execute("CREATE TABLE w (c UInt8) ENGINE = MergeTree ORDER BY c");
  database_->Execute("DROP TABLE w");
  Close();
  disk_->Remove("db/catalog");
  for (const bool read_only : {false, true}) {
    EXPECT_THAT(OpenError(read_only), HasSubstr("db/catalog is missing"));
    EXPECT_THAT(OpenError(read_only), HasSubstr("--restore"));
  }
  Open(true);
  EXPECT_THAT(warnings_, Contains(HasSubstr("Table t was taken up from db/tables/1")));
  EXPECT_EQ(Query(*database_, "SHOW TABLES"), "renamed\nt\n");
  database_->Execute("RENAME TABLE renamed TO u");
  ExpectAllRows();
  Open();
  EXPECT_THAT(warnings_, IsEmpty());
  ExpectAllRows();
  database_->Execute("CREATE TABLE x (c UInt8) ENGINE = MergeTree ORDER BY c");
}

TEST_F(DamagedLogs, AWreckedCatalogueIsRefusedAndRestored) {
  Close();
  const auto pristine = disk_;
  for (const uint64_t begin : {uint64_t{0}, uint64_t{80}, pristine->Size("db/catalog") - 150}) {
    SCOPED_TRACE(::testing::Message() << "from " << begin);
    disk_ = pristine->AfterPowerCut(SimulatedDisk::Survivors::kAll);
    Wreck("db/catalog", begin);
    EXPECT_THAT(OpenError(), HasSubstr("db/catalog is damaged"));
    Open(true);
    ExpectAllRows();
  }
}

TEST_F(DamagedLogs, ADamagedTableLeavesTheOthersOpen) {
  Close();
  Wreck("db/tables/1/commit_log", 0);
  for (const bool read_only : {true, false}) {
    Open(false, read_only);
    EXPECT_THAT(warnings_, Contains(HasSubstr("Table 't' cannot be used")));
    EXPECT_EQ(Query(*database_, "SELECT b FROM u"), "x\n");
    for (const char* sql : {"SELECT a FROM t", "INSERT INTO t VALUES (9)", "OPTIMIZE TABLE t"}) {
      if (read_only && sql[0] != 'S') continue;
      EXPECT_THAT(ErrorOf(sql), HasSubstr("db/tables/1/commit_log")) << sql;
      EXPECT_THAT(ErrorOf(sql), HasSubstr("SYSTEM RESTORE TABLE t")) << sql;
    }
    EXPECT_EQ(Query(*database_, "EXISTS TABLE t"), "1\n");
  }
  EXPECT_EQ(FailureOf(*database_, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a"),
            ErrorCode::kTableAlreadyExists);
  EXPECT_EQ(FailureOf(*database_, "RENAME TABLE u TO t"), ErrorCode::kTableAlreadyExists);
  EXPECT_EQ(FailureOf(*database_, "SYSTEM RESTORE TABLE u"), ErrorCode::kBadArguments);
  EXPECT_EQ(FailureOf(*database_, "SYSTEM RESTORE TABLE nowhere"), ErrorCode::kUnknownTable);
  const std::string report = Query(*database_, "SYSTEM RESTORE TABLE t");
  EXPECT_THAT(report, HasSubstr("commit_log is damaged at offset 0"));
  EXPECT_THAT(report, HasSubstr("definition.sql"));
  EXPECT_THAT(report, HasSubstr("was taken up from disk"));
  ExpectAllRows();
  database_->Execute("INSERT INTO t VALUES (4)");
  Open();
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_EQ(Query(*database_, "SELECT a FROM t ORDER BY a"), "2\n3\n4\n");
}

TEST_F(DamagedLogs, ADamagedTableCanBeDropped) {
  Close();
  disk_->Remove("db/tables/1/commit_log");
  Open();
  database_->Execute("DROP TABLE IF EXISTS t");
  EXPECT_EQ(FailureOf(*database_, "SELECT a FROM t"), ErrorCode::kUnknownTable);
  EXPECT_FALSE(disk_->Exists("db/tables/1"));
  Open();
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(DamagedLogs, ExchangedLogsAreNoticed) {
  Close();
  disk_->Rename("db/tables/1/commit_log", "db/x");
  disk_->Rename("db/tables/2/commit_log", "db/tables/1/commit_log");
  disk_->Rename("db/x", "db/tables/2/commit_log");
  Open();
  EXPECT_THAT(ErrorOf("SELECT a FROM t"), HasSubstr("belongs elsewhere"));
  EXPECT_THAT(ErrorOf("SELECT b FROM u"), HasSubstr("belongs elsewhere"));
  Open(true);
  EXPECT_EQ(Query(*database_, "SELECT a FROM t ORDER BY a"), "2\n3\n");
  EXPECT_EQ(Query(*database_, "SELECT b FROM u ORDER BY b"), "x\ny\n")
      << "its DELETE is in the log of another table, and the report says that deletions are lost";
  EXPECT_THAT(warnings_, Contains(HasSubstr("deleted by statements")));
}

TEST_F(DamagedLogs, RestoringNeedsToWrite) {
  Close();
  EXPECT_THROW(Open(true, true), Error);
}

// CREATE and RENAME write to two logs. Whatever operation fails, they have happened or not.
TEST_F(DamagedLogs, CreateAndRenameAreWholeWhateverFails) {
  Close();
  const auto pristine = disk_;
  const auto reopened = [&](const std::shared_ptr<SimulatedDisk>& disk) {
    database_.reset();
    disk_ = disk->AfterPowerCut(SimulatedDisk::Survivors::kAll);
    Open();
    EXPECT_THAT(warnings_, IsEmpty());
    return Query(*database_, "SHOW TABLES");
  };
  for (const char* sql : {"CREATE TABLE w (c UInt8) ENGINE = MergeTree ORDER BY c",
                          "RENAME TABLE u TO w", "RENAME TABLE t TO w"}) {
    const std::string before = reopened(pristine);
    const uint64_t first = disk_->operations();
    database_->Execute(sql);
    const uint64_t operations = disk_->operations() - first;
    ASSERT_GT(operations, 6u);
    const std::string tables_after = Query(*database_, "SHOW TABLES");
    for (uint64_t operation = 0; operation < 2 * operations; ++operation) {
      SCOPED_TRACE(::testing::Message() << sql << ", operation " << operation / 2);
      reopened(pristine);
      disk_->FailAt(disk_->operations() + operation / 2, operation % 2 == 0 ? EIO : ENOSPC);
      if (FailureOf(*database_, sql)) {
        ASSERT_EQ(reopened(disk_), before);
        database_->Execute(sql);
      }
      ASSERT_EQ(Query(*database_, "SHOW TABLES"), tables_after);
      reopened(disk_);
      ASSERT_EQ(Query(*database_, "SHOW TABLES"), tables_after);
    }
  }
}

// Whichever of its files is lost, a view comes back as it was last.
TEST_F(DamagedLogs, AViewIsRestoredLikeATable) {
  database_->Execute("CREATE VIEW v AS SELECT a FROM t");
  database_->Execute("CREATE OR REPLACE VIEW v AS SELECT a + 1 AS next FROM t");
  database_->Execute("RENAME TABLE v TO w");
  const std::string definition = Query(*database_, "SHOW CREATE VIEW w");
  for (const char* file : {"db/catalog", "db/tables/3/commit_log"}) {
    SCOPED_TRACE(file);
    Close();
    disk_->Remove(file);
    Open(/*restore=*/true);
    EXPECT_FALSE(warnings_.empty());
    EXPECT_EQ(Query(*database_, "SHOW CREATE VIEW w"), definition);
    EXPECT_EQ(Query(*database_, "SELECT next FROM w ORDER BY next"), "3\n4\n");
    ExpectAllRows();
  }
  Close();
  disk_->Remove("db/tables/3/commit_log");
  Open();
  EXPECT_THAT(ErrorOf("SELECT * FROM w"), HasSubstr("SYSTEM RESTORE TABLE w"));
  Query(*database_, "SYSTEM RESTORE TABLE w");
  EXPECT_EQ(Query(*database_, "SHOW CREATE VIEW w"), definition);
}

}  // namespace
}  // namespace granary
