#include "granary/parts/reader_lease.h"

#include <cerrno>
#include <chrono>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/deferred_removals.h"
#include "granary/parts/simulated_disk.h"
#include "granary/tests/merge/hooked_files.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Lease = std::shared_ptr<const ReaderLease>;

class ReaderLeaseTest : public ::testing::Test {
 protected:
  ReaderLeaseTest() {
    CreateDirectories(*disk_, "/db/tables");
    MakePart("p");
  }

  void MakePart(const std::string& name) {
    disk_->CreateDirectory("/db/" + name);
    disk_->Create("/db/" + name + "/manifest")->Close();
  }
  Lease Take() { return ReaderLease::Take(disk_, "/db", context_); }
  bool Exists(const std::string& path) { return disk_->Exists(path); }

  TestContext context_;
  std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
};

TEST_F(ReaderLeaseTest, LivesAsLongAsItsHolder) {
  Lease first = Take();
  const Lease second = Take();
  ASSERT_NE(first, nullptr);
  EXPECT_THAT(FindLiveLeases(*disk_, "/db"), SizeIs(2));
  first.reset();
  EXPECT_THAT(FindLiveLeases(*disk_, "/db"), SizeIs(1));
  EXPECT_THAT(disk_->List("/db/readers"), SizeIs(1));
}

TEST_F(ReaderLeaseTest, TheLastOneLeavesNothing) {
  Take().reset();
  EXPECT_FALSE(Exists("/db/readers"));
  EXPECT_THAT(FindLiveLeases(*disk_, "/db"), IsEmpty());
}

TEST_F(ReaderLeaseTest, OfADeadProcessIsRemoved) {
  const Lease lease = Take();
  const auto disk = disk_->AfterPowerCut(SimulatedDisk::Survivors::kAll);
  ASSERT_THAT(disk->List("/db/readers"), SizeIs(1)) << "the file outlives its process";
  EXPECT_THAT(FindLiveLeases(*disk, "/db"), IsEmpty());
  EXPECT_FALSE(disk->Exists("/db/readers"));
}

TEST_F(ReaderLeaseTest, OfADeadProcessDoesNotHideOneThatLives) {
  const Lease lease = Take();
  disk_->Create("/db/readers/dead")->Close();
  EXPECT_THAT(FindLiveLeases(*disk_, "/db"), SizeIs(1));
  EXPECT_FALSE(Exists("/db/readers/dead"));
}

TEST_F(ReaderLeaseTest, IsDoneWithoutWhereNothingCanBeWritten) {
  for (const int error : {EACCES, EROFS, ENOSPC}) {
    context_.warnings.clear();
    disk_->FailAt(disk_->operations(), error);
    EXPECT_EQ(Take(), nullptr);
    EXPECT_THAT(context_.warnings, ElementsAre(HasSubstr("statements then fail until Refresh")));
  }
}

TEST_F(ReaderLeaseTest, WritesNothingWhereThereIsNoDatabase) {
  disk_->CreateDirectory("/other");
  EXPECT_EQ(ReaderLease::Take(disk_, "/other", context_), nullptr);
  EXPECT_EQ(ReaderLease::Take(disk_, "/missing", context_), nullptr);
  EXPECT_THAT(disk_->List("/other"), IsEmpty());
  EXPECT_THAT(context_.warnings, IsEmpty());
}

TEST_F(ReaderLeaseTest, WithoutReadersDirectoriesGoAtOnce) {
  DeferredRemovals removals(disk_, "/db");
  const uint64_t operations = disk_->operations();
  removals.Remove("/db/p");
  EXPECT_FALSE(Exists("/db/p"));
  EXPECT_EQ(disk_->operations() - operations, 2u) << "the file and the directory";
}

TEST_F(ReaderLeaseTest, DirectoriesWaitForTheLeasesThereWere) {
  DeferredRemovals removals(disk_, "/db");
  Lease first = Take();
  Lease second = Take();
  removals.Remove("/db/p");
  const Lease later = Take();
  EXPECT_TRUE(Exists("/db/p/manifest"));
  EXPECT_TRUE(IsGone(*disk_, "/db/p")) << "the next writer is told";
  first.reset();
  EXPECT_EQ(removals.Sweep(), 1u);
  EXPECT_TRUE(Exists("/db/p/manifest"));
  second.reset();
  EXPECT_EQ(removals.Sweep(), 0u);
  EXPECT_FALSE(Exists("/db/p")) << "a lease that was taken later does not hold it";
}

TEST_F(ReaderLeaseTest, TheNextRemovalLooksAgain) {
  DeferredRemovals removals(disk_, "/db");
  MakePart("q");
  Lease lease = Take();
  removals.Remove("/db/p");
  lease.reset();
  removals.Remove("/db/q");
  EXPECT_FALSE(Exists("/db/p"));
  EXPECT_FALSE(Exists("/db/q"));
}

// Two threads of a writer remove something each. Between the first one's look at the leases and
// what it does then, a reader comes, and the second one takes away what that reader reads.
TEST_F(ReaderLeaseTest, AnotherThreadsLookAtTheLeasesDoesNotCount) {
  const auto files = std::make_shared<HookedFiles>(disk_);
  DeferredRemovals removals(files, "/db");
  MakePart("q");
  Lease first = Take();
  removals.Remove("/db/p");
  first.reset();
  CreateDirectories(*disk_, "/db/readers");
  disk_->Create("/db/readers/dead")->Close();
  Lease later;
  std::future<void> removal;
  // The removal of the dead reader's lease, which has been listed.
  files->SetHook([&](uint64_t operation) {
    if (operation != 0) return;
    later = Take();
    removal = std::async(std::launch::async, [&] { removals.Remove("/db/q"); });
    removal.wait_for(std::chrono::milliseconds(200));
  });
  EXPECT_EQ(removals.Sweep(), 0u);
  ASSERT_TRUE(removal.valid());
  removal.wait();
  files->SetHook(nullptr);
  EXPECT_FALSE(Exists("/db/p"));
  EXPECT_TRUE(Exists("/db/q/manifest")) << "it is read";
  later.reset();
  EXPECT_EQ(removals.Sweep(), 0u);
  EXPECT_FALSE(Exists("/db/q"));
}

TEST_F(ReaderLeaseTest, TheListenerHearsOfWhatWaits) {
  DeferredRemovals removals(disk_, "/db");
  int calls = 0;
  removals.SetListener([&] { ++calls; });
  MakePart("q");
  removals.Remove("/db/q");
  EXPECT_EQ(calls, 0);
  const Lease lease = Take();
  removals.Remove("/db/p");
  EXPECT_EQ(calls, 1);
}

TEST_F(ReaderLeaseTest, ClosingTheWriterSweeps) {
  Lease lease = Take();
  {
    DeferredRemovals removals(disk_, "/db");
    removals.Remove("/db/p");
    lease.reset();
  }
  EXPECT_FALSE(Exists("/db/p"));
}

}  // namespace
}  // namespace granary::testing
