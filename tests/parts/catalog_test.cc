#include "granary/parts/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/simulated_disk.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class CatalogTest : public ::testing::Test {
 protected:
  std::unique_ptr<Catalog> Open(const std::shared_ptr<FileSystem>& disk, bool read_only = false) {
    return Catalog::Open(disk, "/db", read_only, context_);
  }
  static std::string Make(Catalog& catalog, FileSystem& disk, const std::string& name) {
    std::string directory;
    catalog.Create(name, [&](const CatalogTable& place) {
      directory = place.directory;
      disk.CreateDirectory(directory);
    });
    return directory;
  }
  static std::map<std::string, std::string> Directories(const Catalog& catalog) {
    std::map<std::string, std::string> directories;
    for (const auto& [name, place] : catalog.tables()) directories[name] = place.directory;
    return directories;
  }
  static ErrorCode CodeOf(const std::function<void()>& statement) {
    try {
      statement();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kLogicalError;
  }

  TestContext context_;
  std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
};

TEST_F(CatalogTest, TablesSurviveReopening) {
  auto catalog = Open(disk_);
  EXPECT_EQ(Make(*catalog, *disk_, "a"), "/db/tables/1");
  Make(*catalog, *disk_, "b");
  catalog->Rename("a", "c");
  catalog->Drop("b");
  EXPECT_EQ(Make(*catalog, *disk_, "b"), "/db/tables/3") << "ids are never used again";
  catalog.reset();
  catalog = Open(disk_);
  EXPECT_THAT(Directories(*catalog),
              ElementsAre(Pair("b", "/db/tables/3"), Pair("c", "/db/tables/1")));
  EXPECT_THAT(disk_->List("/db/tables"), ElementsAre("1", "3")) << "the dropped one is deleted";
}

TEST_F(CatalogTest, OneWriterAtATime) {
  auto catalog = Open(disk_);
  EXPECT_EQ(CodeOf([&] { Open(disk_); }), ErrorCode::kLockedDirectory);
  Make(*catalog, *disk_, "a");
  EXPECT_THAT(Directories(*Open(disk_, true)), ElementsAre(Pair("a", "/db/tables/1")));
  catalog.reset();
  EXPECT_NE(Open(disk_), nullptr);
}

TEST_F(CatalogTest, NamesAreChecked) {
  auto catalog = Open(disk_);
  Make(*catalog, *disk_, "a");
  Make(*catalog, *disk_, "b");
  EXPECT_EQ(CodeOf([&] { Make(*catalog, *disk_, "a"); }), ErrorCode::kTableAlreadyExists);
  EXPECT_EQ(CodeOf([&] { catalog->Drop("x"); }), ErrorCode::kUnknownTable);
  EXPECT_EQ(CodeOf([&] { catalog->Rename("x", "y"); }), ErrorCode::kUnknownTable);
  EXPECT_EQ(CodeOf([&] { catalog->Rename("a", "b"); }), ErrorCode::kTableAlreadyExists);
  EXPECT_EQ(catalog->tables().size(), 2u);
}

TEST_F(CatalogTest, ReadOnlyNeedsADatabaseAndChangesNothing) {
  EXPECT_EQ(CodeOf([&] { Open(disk_, true); }), ErrorCode::kFileDoesntExist);
  EXPECT_THAT(disk_->List("/"), IsEmpty());
  Open(disk_);
  auto catalog = Open(disk_, true);
  EXPECT_EQ(CodeOf([&] { Make(*catalog, *disk_, "a"); }), ErrorCode::kReadonly);
}

TEST_F(CatalogTest, FailedCreateLeavesNoDirectory) {
  auto catalog = Open(disk_);
  EXPECT_EQ(CodeOf([&] {
              catalog->Create("a", [&](const CatalogTable& place) {
                disk_->CreateDirectory(place.directory);
                throw Error(ErrorCode::kNotEnoughSpace, "full");
              });
            }),
            ErrorCode::kNotEnoughSpace);
  EXPECT_THAT(catalog->tables(), IsEmpty());
  EXPECT_THAT(disk_->List("/db/tables"), IsEmpty());
}

// CREATE a; CREATE b; RENAME a TO c; DROP b, stopped after every operation, opening included.
TEST_F(CatalogTest, EveryStatementIsWholeAfterEveryOperation) {
  const std::vector<std::vector<std::string>> states = {{}, {"a"}, {"a", "b"}, {"b", "c"}, {"c"}};
  const auto run = [&](const std::shared_ptr<SimulatedDisk>& disk) {
    size_t acknowledged = 0;
    try {
      const auto catalog = Open(disk);
      const auto make = [&](const CatalogTable& place) {
        TestTable(disk, "column a UInt64\n", place.directory, place.owner).Create();
      };
      catalog->Create("a", make);
      ++acknowledged;
      catalog->Create("b", make);
      ++acknowledged;
      catalog->Rename("a", "c");
      ++acknowledged;
      catalog->Drop("b");
      ++acknowledged;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kAborted) << error.what();
    }
    return acknowledged;
  };
  const auto whole = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
  ASSERT_EQ(run(whole), 4u);
  const uint64_t end = whole->operations();
  ASSERT_GT(end, 20u);
  for (uint64_t stop = 0; stop <= end; ++stop) {
    const auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
    disk->StopAfter(stop);
    const size_t acknowledged = run(disk);
    for (uint64_t seed = 0; seed < 6; ++seed) {
      SCOPED_TRACE(::testing::Message() << "stopped after " << stop << ", seed " << seed);
      const auto survivors = seed == 0   ? SimulatedDisk::Survivors::kAll
                             : seed == 1 ? SimulatedDisk::Survivors::kSynced
                                         : SimulatedDisk::Survivors::kRandom;
      const auto after = disk->AfterPowerCut(survivors, stop * 8 + seed);
      const auto catalog = Open(after);
      std::vector<std::string> names;
      for (const auto& [name, place] : catalog->tables()) {
        names.push_back(name);
        EXPECT_NO_THROW(TestTable(after, "column a UInt64\n", place.directory, place.owner).Open());
      }
      const bool is_last = names == states[acknowledged];
      const bool is_next = acknowledged < 4 && names == states[acknowledged + 1];
      ASSERT_TRUE(is_last || is_next) << ::testing::PrintToString(names);
    }
  }
}

}  // namespace
}  // namespace granary::testing
