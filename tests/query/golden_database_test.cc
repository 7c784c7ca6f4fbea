// Databases of every format version answer as they did, read-only and as a writer, which brings
// their logs to the present version. tests/golden/database.sql says how they were made.
#include <gmock/gmock.h>

#include "database_testing.h"
#include "granary/tests/load_directory.h"

namespace granary {
namespace {

class GoldenDatabase : public ::testing::TestWithParam<const char*> {
 protected:
  // A copy in memory: opening for writing changes files.
  static std::shared_ptr<SimulatedDisk> Load() {
    auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
    LoadDirectory(
        *disk, std::string(GRANARY_SOURCE_DIR "/tests/golden/") + GetParam() + "/database", "db");
    return disk;
  }

  void Open(const std::shared_ptr<SimulatedDisk>& disk, bool read_only) {
    database_.reset();
    DatabaseOptions options;
    options.path = "db";
    options.file_system = disk;
    options.read_only = read_only;
    options.on_warning = [this](const std::string& warning) { warnings_.push_back(warning); };
    database_ = OpenInMemory(std::move(options));
  }

  void ExpectTheRows() {
    EXPECT_EQ(Query(*database_, "SHOW TABLES"), "little\nmerged\nwords\n");
    EXPECT_EQ(Query(*database_,
                    "SELECT count(), sum(id), groupBitXor(xxHash64(word)), "
                    "sum(arraySum(v)), sum(arraySum(w)), max(added), sum(length(tags)) "
                    "FROM words"),
              "72\t2856\t4469294742546787380\t3274\t2928\t2024-03-20\t108\n");
    EXPECT_EQ(
        Query(*database_, "SELECT id FROM words ORDER BY L2Distance(v, [3., 2, 1, 33]) LIMIT 4"),
        "32\n31\n34\n30\n");
    EXPECT_EQ(Query(*database_, "SELECT id FROM words WHERE word = 'changed'"), "17\n");
    EXPECT_EQ(Query(*database_, "SELECT a, s FROM little ORDER BY a"),
              "1\tnone\n2\tnone\n3\tnone\n");
    EXPECT_EQ(Query(*database_, "SELECT a FROM merged ORDER BY a"), "1\n3\n");
    for (const char* table : {"words", "little", "merged"}) {
      EXPECT_EQ(Query(*database_, std::string("CHECK TABLE ") + table).find("\t0\t"),
                std::string::npos);
    }
    EXPECT_THAT(warnings_, ::testing::IsEmpty());
  }

  std::vector<std::string> warnings_;
  std::unique_ptr<Database> database_;
};

TEST_P(GoldenDatabase, AnswersAsItDid) {
  const auto disk = Load();
  Open(disk, true);
  ExpectTheRows();
  for (int i = 0; i < 2; ++i) {
    Open(disk, false);
    ExpectTheRows();
  }
  database_->Execute("INSERT INTO little VALUES (4, 'new')");
  database_->Execute("RENAME TABLE little TO renamed");
  database_->Execute("OPTIMIZE TABLE words FINAL");
  Open(disk, false);
  EXPECT_EQ(Query(*database_, "SELECT count() FROM renamed"), "4\n");
  EXPECT_EQ(Query(*database_, "SELECT count(), sum(id) FROM words"), "72\t2856\n");
}

INSTANTIATE_TEST_SUITE_P(Versions, GoldenDatabase, ::testing::Values("v1", "v2"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace granary
