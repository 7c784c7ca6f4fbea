// Stops the disk after every operation of every statement that writes, and of opening itself, and
// looks at what is found afterwards: every statement has happened whole or not at all, acknowledged
// ones have, nothing else is there, and opening once more changes nothing.
//
// GRANARY_CRASH_SEEDS says how many random remainders of unsynced data are tried for each operation
// (2 unless told).
#include <algorithm>
#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/simulated_disk.h"
#include "granary/query/database.h"
#include "granary/tests/crash/crash_workloads.h"
#include "granary/tests/load_directory.h"
#include "granary/tests/query/database_testing.h"
#include "granary/tests/random_seed.h"

namespace granary::testing {
namespace {

using Survivors = SimulatedDisk::Survivors;
using DiskPtr = std::shared_ptr<SimulatedDisk>;

uint64_t RandomSeeds() { return NumberFromEnvironment("GRANARY_CRASH_SEEDS", 2); }

struct OpenedDatabase {
  std::unique_ptr<Database> database;
  std::vector<std::string> warnings;
};

std::unique_ptr<OpenedDatabase> Open(const DiskPtr& disk, bool restore = false) {
  auto opened = std::make_unique<OpenedDatabase>();
  DatabaseOptions options;
  options.path = "db";
  options.file_system = disk;
  options.restore = restore;
  options.threads = 1;
  options.background_merges = false;
  options.settings.vector_search_method = VectorSearchMethod::kGraph;
  options.on_warning = [warnings = &opened->warnings](const std::string& warning) {
    warnings->push_back(warning);
  };
  opened->database = Database::Open(std::move(options));
  return opened;
}

std::string SortedLines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

// All that a user can see: tables, views, definitions, rows, what a search finds, what CHECK TABLE
// says.
std::string StateOf(Database& database) {
  std::string state;
  const std::string names = Query(database, "SHOW TABLES");
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = names.find('\n', begin);
    const std::string name = names.substr(begin, end - begin);
    begin = end + 1;
    const std::string definition = Query(database, "SHOW CREATE TABLE " + name);
    state += definition + SortedLines(Query(database, "SELECT * FROM " + name));
    if (definition.find("'L2Distance', 2)") != std::string::npos) {
      state +=
          Query(database, "SELECT id FROM " + name + " ORDER BY L2Distance(v, [4., 1.]) LIMIT 3");
      state += Query(database, "SELECT id FROM " + name + " WHERE id >= 5 AND id < 9 ORDER BY id");
    }
    if (Query(database, "EXISTS VIEW " + name) == "1\n") continue;
    const std::string damaged = Query(database, "CHECK TABLE " + name);
    EXPECT_EQ(damaged.find("\t0\t"), std::string::npos) << damaged;
  }
  return state;
}

// Names of all files and directories, those that hold nothing left out.
std::vector<std::string> FilesIn(SimulatedDisk& disk, const std::string& path) {
  std::vector<std::string> files;
  for (const std::string& name : disk.List(path)) {
    const std::string inner = path + "/" + name;
    if (!disk.IsDirectory(inner)) {
      files.push_back(inner + " " + std::to_string(disk.Size(inner)));
      continue;
    }
    for (std::string& file : FilesIn(disk, inner)) files.push_back(std::move(file));
  }
  return files;
}

struct Policy {
  const char* name;
  const char* table_settings;
  bool may_lose;  // what was acknowledged, in a power cut
};

class CrashTest : public ::testing::TestWithParam<Policy> {
 protected:
  // What is found after none, one, two ... of the statements.
  struct Expected {
    DiskPtr disk;
    std::vector<std::string> states;
    uint64_t first = 0;  // operation to stop after
    uint64_t end = 0;
  };

  static DiskPtr Prepare(const CrashWorkload& workload) {
    auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
    if (!workload.golden.empty()) {
      LoadDirectory(*disk, GRANARY_SOURCE_DIR "/tests/golden/stores/" + workload.golden + "/d",
                    "db");
    }
    if (!workload.before.empty()) {
      const auto opened = Open(disk);
      for (const std::string& sql : workload.before) opened->database->Execute(sql);
    }
    for (const std::string& path : workload.lost_files) disk->Remove(path);
    for (const std::string& path : workload.torn_files) {
      const auto file = disk->OpenForAppend(path);
      file->Append(std::vector<std::byte>(20, std::byte{0x47}));
      file->Close();
    }
    return disk->AfterPowerCut(Survivors::kAll);
  }

  static Expected RunWhole(const CrashWorkload& workload) {
    Expected expected;
    expected.disk = Prepare(workload);
    const DiskPtr disk = expected.disk->AfterPowerCut(Survivors::kAll);
    {
      const auto opened = Open(disk, workload.restore);
      expected.states.push_back(StateOf(*opened->database));
      if (!workload.statements.empty()) expected.first = disk->operations();
      for (const std::string& sql : workload.statements) {
        opened->database->Execute(sql);
        expected.states.push_back(StateOf(*opened->database));
      }
    }
    expected.end = disk->operations();
    return expected;
  }

  // How many statements were acknowledged before the disk stopped.
  static size_t RunUntil(const CrashWorkload& workload, const DiskPtr& disk, uint64_t stop) {
    size_t acknowledged = 0;
    disk->StopAfter(stop);
    try {
      const auto opened = Open(disk, workload.restore);
      for (const std::string& sql : workload.statements) {
        opened->database->Execute(sql);
        ++acknowledged;
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kAborted) << error.what();
    }
    return acknowledged;
  }

  void LookAt(const CrashWorkload& workload, const Expected& expected, const DiskPtr& disk,
              size_t acknowledged, bool may_lose) {
    const std::string found = StateOf(*Open(disk, workload.restore)->database);
    const auto is_at = [&](size_t statements) {
      return statements < expected.states.size() && found == expected.states[statements];
    };
    bool is_right = is_at(acknowledged) || is_at(acknowledged + 1);
    for (size_t lost = 0; may_lose && lost < acknowledged; ++lost) is_right |= is_at(lost);
    ASSERT_TRUE(is_right) << "after " << acknowledged << " statements\nfound\n"
                          << found << "expected\n"
                          << expected.states[acknowledged];
    const std::vector<std::string> files = FilesIn(*disk, "db");
    const auto again = Open(disk);
    ASSERT_EQ(StateOf(*again->database), found) << "a second recovery changes something";
    ASSERT_THAT(again->warnings, ::testing::IsEmpty());
    ASSERT_EQ(FilesIn(*disk, "db"), files);
  }

  void Run(const CrashWorkload& workload) {
    const Expected expected = RunWhole(workload);
    ASSERT_GT(expected.end, expected.first);
    for (uint64_t stop = expected.first; stop <= expected.end; ++stop) {
      const DiskPtr disk = expected.disk->AfterPowerCut(Survivors::kAll);
      const size_t acknowledged = RunUntil(workload, disk, stop);
      for (uint64_t seed = 0; seed < 2 + RandomSeeds(); ++seed) {
        SCOPED_TRACE(::testing::Message() << workload.name << " stopped after operation " << stop
                                          << " of " << expected.end << ", remainder " << seed);
        const Survivors survivors = seed == 0   ? Survivors::kAll
                                    : seed == 1 ? Survivors::kSynced
                                                : Survivors::kRandom;
        LookAt(workload, expected, disk->AfterPowerCut(survivors, stop * 4096 + seed), acknowledged,
               seed > 0 && GetParam().may_lose);
        ++states_;
        if (HasFatalFailure()) return;
      }
    }
  }

  uint64_t states_ = 0;
};

TEST_P(CrashTest, EveryStatementIsWholeAfterEveryOperation) {
  for (const CrashWorkload& workload : CrashWorkloads(GetParam().table_settings)) {
    Run(workload);
    if (HasFatalFailure()) return;
  }
  RecordProperty("states", static_cast<int>(states_));
  std::printf("%llu states\n", static_cast<unsigned long long>(states_));
  EXPECT_GT(states_, 1000u);
}

INSTANTIATE_TEST_SUITE_P(
    Policies, CrashTest,
    ::testing::Values(Policy{"wide_full", "min_bytes_for_wide_part = 0", false},
                      Policy{"compact_full", "min_bytes_for_wide_part = 10000000", false},
                      Policy{"wide_normal", "min_bytes_for_wide_part = 0, fsync = 'normal'", true}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace granary::testing
