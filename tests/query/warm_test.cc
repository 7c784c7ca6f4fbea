// SYSTEM WARM reads a table's files ahead and verifies them: damaged vectors fail it, and a damaged
// index is not used from then on. Searches have their graphs verified in the background.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "database_testing.h"
#include "granary/parts/simulated_disk.h"

namespace granary {
namespace {

constexpr char kPart[] = "/d/tables/1/all_1_1_0/";

// A database on a disk that can be damaged. Its only table has a graph of more than the megabyte
// that is verified whenever it is opened.
class WarmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk_ = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
    Open();
    database_->Execute(
        "CREATE TABLE t (id UInt32, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'L2Distance', 2, 'f32', 256, 16)) ORDER BY id SETTINGS "
        "vector_index_min_rows_for_graph = 0, min_bytes_for_wide_part = 0, fsync = 'off'");
    database_->Execute(
        "INSERT INTO t SELECT number, [number % 31, intDiv(number, 31)] FROM numbers(1000)");
  }

  void Open() {
    database_.reset();
    DatabaseOptions options;
    options.path = "/d";
    options.file_system = disk_;
    options.on_warning = [this](const std::string& warning) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(warning);
    };
    database_ = OpenInMemory(std::move(options));
  }

  // Flips a bit in the middle of the one file whose name begins so.
  void Damage(const std::string& prefix) {
    const std::vector<std::string> files = disk_->List(kPart);
    const auto file = std::find_if(files.begin(), files.end(), [&](const std::string& name) {
      return name.starts_with(prefix);
    });
    ASSERT_NE(file, files.end()) << prefix;
    disk_->Damage(kPart + *file, disk_->Size(kPart + *file) / 2, std::byte{1});
    Open();
  }

  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }

  // The thread that verifies in the background may be the one that warns.
  std::vector<std::string> WaitForWarning() {
    for (int i = 0; i < 10000 && warnings().empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return warnings();
  }

  std::string Plan() { return Query(*database_, "EXPLAIN indexes = 1 " + std::string(kSearch)); }

  static constexpr char kSearch[] = "SELECT id FROM t ORDER BY L2Distance(v, [3., 4.2]) LIMIT 3";

  std::shared_ptr<SimulatedDisk> disk_;
  std::mutex mutex_;
  std::vector<std::string> warnings_;  // guarded by mutex_
  std::unique_ptr<Database> database_;
};

TEST_F(WarmTest, ReadsWhatIsWell) {
  Query(*database_, "SYSTEM WARM TABLE t");
  Query(*database_, "SYSTEM WARM INDEXES t");
  EXPECT_TRUE(warnings().empty()) << warnings().front();
  EXPECT_NE(Plan().find("rows of 1 sub-indexes"), std::string::npos) << Plan();
}

TEST_F(WarmTest, ADamagedIndexIsNotUsedFromThenOn) {
  Damage("index");
  EXPECT_NE(Plan().find("rows of 1 sub-indexes"), std::string::npos) << Plan();
  for (const char* statement : {"SYSTEM WARM INDEXES t", "SYSTEM WARM TABLE t"}) {
    Query(*database_, statement);
    ASSERT_EQ(WaitForWarning().size(), 1u) << statement;
    EXPECT_NE(warnings()[0].find("Index near of part all_1_1_0"), std::string::npos);
    EXPECT_NE(Plan().find("a sub-index is damaged (1)"), std::string::npos) << Plan();
  }
  EXPECT_EQ(Query(*database_, kSearch), "127\n158\n126\n");
  database_->Execute("ALTER TABLE t MATERIALIZE INDEX near");
  EXPECT_NE(Plan().find("rows of 1 sub-indexes"), std::string::npos) << Plan();
}

// A search does not wait for its graph to be verified, but has it done.
TEST_F(WarmTest, TheFirstSearchHasItsGraphVerifiedBehindItsBack) {
  Damage("index");
  Query(*database_, kSearch);
  ASSERT_EQ(WaitForWarning().size(), 1u);
  EXPECT_NE(warnings()[0].find("checksum of a page of index near"), std::string::npos);
  EXPECT_NE(Plan().find("a sub-index is damaged (1)"), std::string::npos) << Plan();
}

TEST_F(WarmTest, ADatabaseClosesWhileItsGraphsAreVerified) {
  for (int run = 0; run < 20; ++run) {
    Query(*database_, kSearch);
    Open();
  }
  EXPECT_TRUE(warnings().empty()) << warnings().front();
}

TEST_F(WarmTest, DamagedVectorsFailIt) {
  Damage("column_1");
  Query(*database_, "SYSTEM WARM INDEXES t");
  EXPECT_EQ(FailureOf(*database_, "SYSTEM WARM TABLE t"), ErrorCode::kCorruptedData);
}

TEST_F(WarmTest, NeedsATable) {
  EXPECT_EQ(FailureOf(*database_, "SYSTEM WARM TABLE"), ErrorCode::kSyntaxError);
  EXPECT_EQ(FailureOf(*database_, "SYSTEM WARM TABLE nowhere"), ErrorCode::kUnknownTable);
  EXPECT_EQ(FailureOf(*database_, "SYSTEM WARM WATER t"), ErrorCode::kNotImplemented);
}

}  // namespace
}  // namespace granary
