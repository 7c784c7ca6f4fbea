// Whatever happens to the file of an index costs no rows: the part is opened, searches are exact, a
// warning names the file, and the index is built again by the background, by the next rewrite of
// the part or on request.
#include <algorithm>
#include <cerrno>
#include <functional>
#include <mutex>

#include <gmock/gmock.h>

#include "database_testing.h"
#include "granary/parts/simulated_disk.h"

namespace granary {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPart[] = "/d/tables/1/all_1_1_0";
constexpr char kGraph[] = "index_0.blocks";
constexpr char kPruner[] = "index_1.blocks";

void Overwrite(SimulatedDisk& disk, const std::string& path, std::span<const std::byte> contents) {
  disk.Remove(path);
  const auto file = disk.Create(path);
  file->Append(contents);
  file->Close();
}

void Resize(SimulatedDisk& disk, const std::string& path, int64_t by) {
  std::vector<std::byte> contents = ReadWholeFile(disk, path);
  contents.resize(static_cast<size_t>(static_cast<int64_t>(contents.size()) + by));
  Overwrite(disk, path, contents);
}

void Fill(SimulatedDisk& disk, const std::string& path, std::byte value) {
  Overwrite(disk, path, std::vector<std::byte>(disk.Size(path), value));
}

void Swap(SimulatedDisk& disk, const std::string& a, const std::string& b) {
  disk.Rename(a, "/d/aside");
  disk.Rename(b, a);
  disk.Rename("/d/aside", b);
}

// What happens to the file of an index.
struct Accident {
  const char* name;
  std::function<void(SimulatedDisk& disk, const std::string& path)> happen;
};

const std::vector<Accident>& Accidents() {
  static const std::vector<Accident> accidents = {
      {"Missing", [](SimulatedDisk& disk, const std::string& path) { disk.Remove(path); }},
      {"Empty", [](SimulatedDisk& disk, const std::string& path) { Overwrite(disk, path, {}); }},
      {"Shorter", [](SimulatedDisk& disk, const std::string& path) { Resize(disk, path, -1); }},
      {"Longer", [](SimulatedDisk& disk, const std::string& path) { Resize(disk, path, 64); }},
      {"Zeros", [](SimulatedDisk& disk, const std::string& path) { Fill(disk, path, {}); }},
      {"Garbage",
       [](SimulatedDisk& disk, const std::string& path) { Fill(disk, path, std::byte{0xA5}); }},
      {"FlippedBit",
       [](SimulatedDisk& disk, const std::string& path) { disk.Damage(path, 9, std::byte{1}); }},
      {"Directory",
       [](SimulatedDisk& disk, const std::string& path) {
         disk.Remove(path);
         disk.CreateDirectory(path);
       }},
      {"Unreadable",
       [](SimulatedDisk& disk, const std::string& path) { disk.Break(path, EIO, false); }},
      {"Forbidden",
       [](SimulatedDisk& disk, const std::string& path) { disk.Break(path, EACCES, true); }},
      {"OfAnotherIndex",
       [](SimulatedDisk& disk, const std::string& path) {
         Swap(disk, path,
              path.ends_with(kGraph) ? JoinPath(kPart, kPruner) : JoinPath(kPart, kGraph));
       }},
      {"OfAnotherPart",
       [](SimulatedDisk& disk, const std::string& path) {
         std::string other = path;
         other.replace(other.find("all_1_1_0"), 9, "all_2_2_0");
         Swap(disk, path, other);
       }},
  };
  return accidents;
}

struct LostIndex {
  const char* file;
  const char* name;
};

class LostIndexFixture : public ::testing::Test {
 protected:
  // A table with rows of which one is deleted, in one part or two; closed again.
  void Create(const std::string& layout, bool two_parts) {
    disk_ = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
    Open();
    database_->Execute(
        "CREATE TABLE t (id UInt32, u UInt32, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'L2Distance', 2), INDEX low u TYPE minmax GRANULARITY 1) "
        "ORDER BY id SETTINGS index_granularity = 8, vector_index_min_rows_for_graph = 0, "
        "fsync = 'off', " +
        layout);
    Insert(0);
    if (two_parts) Insert(100);
    database_->Execute("DELETE FROM t WHERE id = 42");
    found_ = Search();
    database_.reset();
  }

  void Insert(int first) {
    database_->Execute("INSERT INTO t SELECT number + " + std::to_string(first) +
                       " AS id, id, [number % 10, intDiv(number, 10)] FROM numbers(100)");
  }

  void Open(bool read_only = false, bool merges = false) {
    database_.reset();
    warnings_.clear();
    DatabaseOptions options;
    options.path = "/d";
    options.file_system = disk_;
    options.read_only = read_only;
    options.threads = 2;
    options.background_merges = merges;
    options.settings.vector_search_method = VectorSearchMethod::kGraph;
    options.on_warning = [this](const std::string& warning) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(warning);
    };
    database_ = Database::Open(std::move(options));
  }

  std::string Ask(const std::string& sql) { return Query(*database_, sql); }

  // All rows, a search through the graph, and one through the pruner. Opens both indexes.
  std::string Search() {
    return Ask("SELECT count(), sum(id), sum(u) FROM t") +
           Ask("SELECT id FROM t ORDER BY L2Distance(v, [2.1, 4.2]) LIMIT 3") +
           Ask("SELECT id FROM t WHERE u = 17");
  }

  std::string Plans() {
    return Ask("EXPLAIN indexes = 1 SELECT id FROM t ORDER BY L2Distance(v, [2., 4.]) LIMIT 3") +
           Ask("EXPLAIN indexes = 1 SELECT id FROM t WHERE u = 17");
  }

  std::string Missing() {
    return Ask(
        "SELECT arrayStringConcat(missing_indexes) FROM system.parts WHERE table = 't' "
        "ORDER BY name LIMIT 1");
  }

  void ExpectBuiltAgain() {
    EXPECT_EQ(Missing(), "\n");
    EXPECT_THAT(Plans(), HasSubstr("rows of 1 sub-indexes"));
    EXPECT_THAT(Plans(), HasSubstr("Granules: 1/13"));
    EXPECT_THAT(Plans(), Not(AnyOf(HasSubstr("damaged"), HasSubstr("Damaged"))));
    EXPECT_EQ(Search(), found_);
    Open(true);
    EXPECT_EQ(Search(), found_);
    EXPECT_THAT(warnings_, IsEmpty());
  }

  std::shared_ptr<SimulatedDisk> disk_;
  std::mutex mutex_;
  std::vector<std::string> warnings_;  // guarded by mutex_
  std::unique_ptr<Database> database_;
  std::string found_;
};

class LostIndexTest : public LostIndexFixture,
                      public ::testing::WithParamInterface<std::tuple<LostIndex, Accident>> {
 protected:
  static const LostIndex& index() { return std::get<0>(GetParam()); }
  static const Accident& accident() { return std::get<1>(GetParam()); }
  static bool takes_two_parts() { return accident().name == std::string("OfAnotherPart"); }

  void SetUp() override {
    Create("min_bytes_for_wide_part = 0", takes_two_parts());
    accident().happen(*disk_, JoinPath(kPart, index().file));
  }
};

TEST_P(LostIndexTest, CostsAScanAndAWarning) {
  for (const bool read_only : {true, false}) {
    Open(read_only);
    EXPECT_EQ(Search(), found_);
    EXPECT_THAT(warnings_, ::testing::Contains(
                               ::testing::AllOf(HasSubstr(JoinPath(kPart, index().file)),
                                                HasSubstr(std::string("Index ") + index().name))));
    EXPECT_THAT(Missing(), HasSubstr(index().name));
    const bool is_graph = index().file == std::string(kGraph);
    EXPECT_THAT(Plans(), HasSubstr(is_graph ? "a sub-index is damaged" : "Damaged in: "));
    EXPECT_THAT(Ask("CHECK TABLE t"), HasSubstr(JoinPath(kPart, index().file)));
    EXPECT_FALSE(disk_->Exists("/d/tables/1/detached"));
  }
}

TEST_P(LostIndexTest, CheckTableIsEnoughToFindIt) {
  Open();
  EXPECT_THAT(Ask("CHECK TABLE t"), HasSubstr(JoinPath(kPart, index().file)));
  EXPECT_THAT(Missing(), HasSubstr(index().name));
  EXPECT_THAT(warnings_, Not(IsEmpty()));
  EXPECT_EQ(Search(), found_);
}

TEST_P(LostIndexTest, IsBuiltByTheBackground) {
  if (takes_two_parts()) GTEST_SKIP() << "a merge of the two would do it";
  Open(false, true);
  EXPECT_EQ(Search(), found_);
  Ask("SYSTEM WAIT MERGES t");
  EXPECT_EQ(Ask("SELECT name FROM system.parts WHERE table = 't'"), "all_1_1_1\n");
  ExpectBuiltAgain();
}

TEST_P(LostIndexTest, IsBuiltOnRequest) {
  if (takes_two_parts()) GTEST_SKIP() << "expectations are for one part";
  Open();
  Search();
  database_->Execute("ALTER TABLE t MATERIALIZE INDEX near");
  database_->Execute("ALTER TABLE t MATERIALIZE INDEX low");
  ExpectBuiltAgain();
}

TEST_P(LostIndexTest, IsBuiltByAMutation) {
  if (takes_two_parts()) GTEST_SKIP() << "expectations are for one part";
  Open();
  database_->Execute("ALTER TABLE t UPDATE u = u WHERE id = 17");
  ExpectBuiltAgain();
}

TEST_P(LostIndexTest, IsBuiltByOptimize) {
  Open();
  Search();
  database_->Execute("OPTIMIZE TABLE t FINAL");
  EXPECT_EQ(Missing(), "\n");
  EXPECT_EQ(Search(), found_);
}

// The indexes of a compact part are the last streams in its manifest.
class DamagedInManifestTest : public LostIndexFixture {
 protected:
  void SetUp() override {
    Create("min_bytes_for_wide_part = 10000000", false);
    const std::string manifest = JoinPath(kPart, "manifest");
    disk_->Damage(manifest, disk_->Size(manifest) - 20, std::byte{4});
  }
};

TEST_F(DamagedInManifestTest, CostsAScanAndAWarning) {
  Open();
  EXPECT_EQ(Search(), found_);
  EXPECT_THAT(warnings_, ::testing::Contains(HasSubstr("Index low of part all_1_1_0")));
  EXPECT_EQ(Missing(), "low\n");
  database_->Execute("ALTER TABLE t MATERIALIZE INDEX low");
  ExpectBuiltAgain();
}

TEST_F(DamagedInManifestTest, IsBuiltByTheBackground) {
  Open(false, true);
  Search();
  Ask("SYSTEM WAIT MERGES t");
  ExpectBuiltAgain();
}

INSTANTIATE_TEST_SUITE_P(Accidents, LostIndexTest,
                         ::testing::Combine(::testing::Values(LostIndex{kGraph, "near"},
                                                              LostIndex{kPruner, "low"}),
                                            ::testing::ValuesIn(Accidents())),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) +
                                  std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace granary
