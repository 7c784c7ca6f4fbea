// Everything that can happen to the files of a closed database, one accident at a time.
//
//   GRANARY_DAMAGE_CASES=200000 damage_test --gtest_filter='Damage.Random'     a quarter of an hour
//   GRANARY_SEED=17 damage_test --gtest_filter='Damage.Random'                 the same cases again
//   GRANARY_DAMAGE='wide cut /d/tables/1/commit_log 100 0' damage_test --gtest_filter=Damage.Replay
#include <algorithm>
#include <iostream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/damage/judge.h"
#include "granary/tests/random_seed.h"

namespace granary::testing {
namespace {

using Kind = Damage::Kind;

std::vector<std::string> FilesOf(const Store& store, FileKind kind) {
  std::vector<std::string> files = FilesBelow(*store.Copy(), "/d");
  std::erase_if(files, [&](const std::string& path) { return KindOf(path) != kind; });
  return files;
}

// The catalogue and the commit logs.
std::vector<std::string> Logs(const Store& store) {
  std::vector<std::string> logs = FilesOf(store, FileKind::kLog);
  logs.push_back("/d/catalog");
  return logs;
}

uint64_t SizeOf(const Store& store, const std::string& path) { return store.Copy()->Size(path); }

// The checked part of a manifest: its header and body, without the streams behind.
uint64_t HeadBytes(const Store& store, const std::string& manifest) {
  const std::vector<std::byte> file = ReadWholeFile(*store.Copy(), manifest);
  uint64_t body_bytes = 0;
  std::memcpy(&body_bytes, file.data() + 16, sizeof(body_bytes));
  return 32 + body_bytes;
}

// Every `stride`-th bit of the first `bytes` of a file, beginning with another one each time.
void FlipBits(const Store& store, const std::string& path, uint64_t bytes, uint64_t stride,
              Tally& tally) {
  static uint64_t turn = 0;
  for (uint64_t bit = turn++ % stride; bit < 8 * bytes && !tally.has_enough(); bit += stride) {
    const Damage damage{Kind::kFlip, path, "", bit / 8, uint64_t{1} << bit % 8};
    tally.Try(store, damage, {.read_only = bit / stride % 2 == 0});
  }
}

// 1 in the long run: everything.
uint64_t Stride(uint64_t stride_in_short_runs) {
  return NumberFromEnvironment("GRANARY_DAMAGE_ALL", 0) != 0 ? 1 : stride_in_short_runs;
}

// Between offsets in all files of a kind together.
uint64_t StepOver(uint64_t bytes) { return Stride(std::max<uint64_t>(1, bytes / 120)); }

class DamageTest : public ::testing::TestWithParam<std::string> {
 protected:
  const Store& store() const { return StoreOf(GetParam()); }
  void TearDown() override { std::cout << tally_.text() << "\n"; }

  Tally tally_;
};

TEST_P(DamageTest, BitsOfLogs) {
  const std::vector<std::string> logs = Logs(store());
  for (const std::string& log : logs) {
    const uint64_t bytes = SizeOf(store(), log);
    FlipBits(store(), log, bytes, Stride(1 + 8 * bytes * logs.size() / 800), tally_);
  }
  EXPECT_EQ(tally_.count(Outcome::kWarned), tally_.cases()) << "each has two copies";
}

TEST_P(DamageTest, BitsOfManifests) {
  const std::vector<std::string> manifests = FilesOf(store(), FileKind::kManifest);
  for (const std::string& manifest : manifests) {
    FlipBits(store(), manifest, HeadBytes(store(), manifest), Stride(1 + 24 * manifests.size()),
             tally_);
  }
  EXPECT_EQ(tally_.count(Outcome::kDetached), tally_.cases());
}

TEST_P(DamageTest, BytesOfStreams) {
  for (const FileKind kind : {FileKind::kManifest, FileKind::kColumn, FileKind::kIndex}) {
    const std::vector<std::string> files = FilesOf(store(), kind);
    for (const std::string& path : files) {
      const uint64_t bytes = SizeOf(store(), path);
      const uint64_t head = kind == FileKind::kManifest ? HeadBytes(store(), path) : 0;
      const uint64_t step = StepOver(bytes * files.size());
      for (uint64_t offset = head; offset < bytes && !tally_.has_enough(); offset += step) {
        const uint64_t mask = offset % 3 == 0 ? 0xff : uint64_t{1} << offset % 8;
        tally_.TryBoth(store(), {Kind::kFlip, path, "", offset, mask});
      }
    }
  }
}

TEST_P(DamageTest, EveryCutOfSmallFiles) {
  for (const FileKind kind : {FileKind::kManifest, FileKind::kColumn, FileKind::kIndex}) {
    const std::vector<std::string> files = FilesOf(store(), kind);
    for (const std::string& path : files) {
      const uint64_t bytes = SizeOf(store(), path);
      const uint64_t step = StepOver(bytes * files.size());
      for (uint64_t length = 0; length < bytes && !tally_.has_enough(); length += step) {
        tally_.TryBoth(store(), {Kind::kCut, path, "", length, 0});
      }
    }
  }
}

// Records begin at multiples of 8.
TEST_P(DamageTest, CutsOfLogs) {
  const std::vector<std::string> logs = Logs(store());
  for (const std::string& log : logs) {
    const uint64_t bytes = SizeOf(store(), log);
    for (const uint64_t unit : {1, 8}) {
      const uint64_t step = unit * Stride(1 + bytes / unit * logs.size() / 150);
      for (uint64_t length = 0; length < bytes && !tally_.has_enough(); length += step) {
        tally_.TryBoth(store(), {Kind::kCut, log, "", length, 0});
      }
    }
  }
  EXPECT_EQ(tally_.count(Outcome::kRight), 0u);
}

TEST_P(DamageTest, Deletions) {
  for (const std::string& path : FilesBelow(*store().Copy(), "/d")) {
    tally_.TryBoth(store(), {.kind = Kind::kDelete, .path = path});
    if (tally_.has_enough()) return;
  }
  for (const std::string& path : DirectoriesBelow(*store().Copy(), "/d")) {
    tally_.TryBoth(store(), {.kind = Kind::kDelete, .path = path});
    if (tally_.has_enough()) return;
  }
}

// Random pairs, or with one of them the beginning of a test of its own.
void Exchange(const Store& store, Kind kind, size_t cases, Tally& tally) {
  std::mt19937_64 random(SeedOfThisRun());
  const std::shared_ptr<SimulatedDisk> disk = store.Copy();
  for (size_t tries = 0; tries < 100 * cases && tally.cases() < cases; ++tries) {
    const Damage damage = RandomDamage(*disk, random);
    if (damage.kind == kind) tally.TryBoth(store, damage);
    if (tally.has_enough()) return;
  }
}

TEST_P(DamageTest, Swaps) { Exchange(store(), Kind::kSwap, 60, tally_); }
TEST_P(DamageTest, Copies) { Exchange(store(), Kind::kCopy, 60, tally_); }

TEST_P(DamageTest, CopiesOfPartsUnderOtherNames) {
  for (const std::string& part : store().parts()) {
    const size_t name = part.rfind('/');
    for (const std::string other : {"all_7_7_0", "all_1_9_3", "1_50_50_0", "copy"}) {
      tally_.TryBoth(store(), {Kind::kCopy, part, part.substr(0, name + 1) + other});
    }
  }
}

// All of them to logs; to other files of the store some.
TEST_P(DamageTest, Appends) {
  const std::vector<std::string> files = FilesBelow(*store().Copy(), "/d");
  uint64_t turn = 0;
  for (const std::string& path : files) {
    const FileKind kind = KindOf(path);
    const bool is_log = kind == FileKind::kLog || kind == FileKind::kCatalog;
    const uint64_t bytes = SizeOf(store(), path);
    std::vector<Damage> damages = {{Kind::kRepeat, path, "", 0, bytes},
                                   {Kind::kRepeat, path, "", 16, bytes}};
    for (const uint64_t more : {1, 8, 64, 4096}) {
      damages.push_back({Kind::kZeros, path, "", 0, more});
      damages.push_back({Kind::kGarbage, path, "", 0, more});
      damages.push_back({Kind::kRepeat, path, "", bytes - std::min(bytes, more), more});
    }
    for (const Damage& damage : damages) {
      if (kind == FileKind::kLock || tally_.has_enough()) break;
      const bool is_left_out = !is_log && turn++ % Stride(1 + files.size() / 20) != 0;
      if (!is_left_out) tally_.TryBoth(store(), damage);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, DamageTest, ::testing::ValuesIn(StoreNames()),
                         [](const auto& info) { return info.param; });

TEST(Damage, Random) {
  const uint64_t seed = SeedOfThisRun();
  const uint64_t cases = NumberFromEnvironment("GRANARY_DAMAGE_CASES", 2000);
  std::cout << "GRANARY_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  Tally tally;
  while (tally.cases() < cases && !tally.has_enough()) {
    const Store& store = StoreOf(StoreNames()[random() % StoreNames().size()]);
    const Damage damage = RandomDamage(*store.Copy(), random);
    tally.Try(store, damage, {.read_only = random() % 2 == 0, .rewrite = random() % 4 == 0});
  }
  std::cout << tally.text() << "\n";
}

TEST(Damage, Replay) {
  const char* text = std::getenv("GRANARY_DAMAGE");
  if (text == nullptr) GTEST_SKIP() << "GRANARY_DAMAGE names no case";
  std::istringstream in(text);
  std::string store;
  in >> store >> std::ws;
  std::string damage;
  std::getline(in, damage);
  Tally tally;
  for (const Trial& trial : {Trial{.read_only = true}, Trial{}, Trial{.rewrite = true}}) {
    tally.Try(StoreOf(store), Damage::Parse(damage), trial);
  }
  std::cout << tally.text() << "\n";
}

// The stores have what is to be damaged.
TEST(Damage, StoresHaveEveryKindOfFile) {
  std::set<std::string> endings;
  for (const std::string& name : StoreNames()) {
    for (const std::string& file : FilesBelow(*StoreOf(name).Copy(), "/d")) {
      const std::string base = file.substr(file.rfind('/') + 1);
      endings.insert(base.find('.') == std::string::npos ? base : base.substr(base.find('.')));
    }
  }
  EXPECT_THAT(endings,
              ::testing::UnorderedElementsAre("catalog", "lock", "commit_log", ".durable", ".sql",
                                              "manifest", ".frames", ".vectors", ".blocks"));
}

}  // namespace
}  // namespace granary::testing
