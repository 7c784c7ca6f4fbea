// The targets of this folder without a fuzzer: every input of tests/fuzz/corpus, as it is, and
// random changes of it. What a fuzzer has found is kept there and tried again by every build.
//
//   GRANARY_SEED=7 build/tests/bin/fuzz_test --gtest_filter='*Replay*csv'   the same changes again
//   GRANARY_FUZZ_ROUNDS=100000 build/tests/bin/fuzz_test                    more of them
//   GRANARY_WRITE_CORPUS=1 build/tests/bin/fuzz_test --gtest_filter='Corpus.*'
//                                    writes what each corpus begins with (Target::seeds) anew
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include <gtest/gtest.h>

#include "granary/tests/fuzz/fuzz_target.h"
#include "granary/tests/fuzz/mutator.h"
#include "granary/tests/random_seed.h"

namespace granary::fuzz {
namespace {

// A corpus is replayed by every build: it stays small.
constexpr size_t kCorpusBytesMax = 100'000;

std::filesystem::path Directory(const Target& target) {
  return std::filesystem::path(GRANARY_SOURCE_DIR) / "tests/fuzz/corpus" / target.name;
}

std::vector<Seed> ReadCorpus(const Target& target) {
  std::vector<Seed> corpus;
  for (const auto& entry : std::filesystem::directory_iterator(Directory(target))) {
    std::ifstream file(entry.path(), std::ios::binary);
    corpus.push_back({entry.path().filename().string(), Bytes(std::istreambuf_iterator<char>(file),
                                                              std::istreambuf_iterator<char>())});
  }
  std::ranges::sort(corpus, {}, &Seed::name);
  return corpus;
}

// As the library gets them: on the heap, so that a sanitizer sees the first byte beyond.
bool TryCopy(const Target& target, Input input, std::string* refusal = nullptr) {
  const Bytes exact(input.begin(), input.end());
  return Try(target, exact, refusal);
}

std::string Hex(Input input) {
  std::string text;
  for (const uint8_t byte : input) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

class Replay : public testing::TestWithParam<const Target*> {};

TEST_P(Replay, CorpusAndChangesOfIt) {
  const Target& target = *GetParam();
  const uint64_t seed = SeedOfThisRun();
  std::cout << "GRANARY_SEED=" << seed << "\n";
  const std::vector<Seed> corpus = ReadCorpus(target);
  size_t taken = 0;
  for (const Seed& input : corpus) {
    SCOPED_TRACE(input.name);
    EXPECT_NO_THROW(taken += TryCopy(target, input.bytes));
  }
  EXPECT_GT(taken, 0u) << "no input gets to what stands behind the checks";
  Mutator mutator(seed, target.words());
  size_t refused = 0;
  const uint64_t rounds = NumberFromEnvironment("GRANARY_FUZZ_ROUNDS", target.changes);
  for (uint64_t round = 0; round < rounds && !HasFailure(); ++round) {
    const Bytes& input = corpus[mutator.Below(corpus.size())].bytes;
    const Bytes& other = corpus[mutator.Below(corpus.size())].bytes;
    const Bytes changed = mutator.Mutate(input, other, target.bytes_max);
    SCOPED_TRACE("round " + std::to_string(round));
    EXPECT_NO_THROW(refused += !TryCopy(target, changed)) << Hex(changed);
  }
  std::cout << corpus.size() << " inputs, " << taken << " of them taken; " << refused << " of "
            << rounds << " changed ones refused\n";
}

std::vector<const Target*> Pointers() {
  std::vector<const Target*> pointers;
  for (const Target& target : Targets()) pointers.push_back(&target);
  return pointers;
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay, testing::ValuesIn(Pointers()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(Corpus, IsSmallAndOfTheTargetsThereAre) {
  std::set<std::string> names;
  for (const Target& target : Targets()) {
    names.emplace(target.name);
    size_t bytes = 0;
    for (const Seed& input : ReadCorpus(target)) bytes += input.bytes.size();
    EXPECT_GT(bytes, 0u) << target.name;
    EXPECT_LE(bytes, kCorpusBytesMax) << target.name;
  }
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(GRANARY_SOURCE_DIR) / "tests/fuzz/corpus")) {
    EXPECT_EQ(names.count(entry.path().filename().string()), 1u) << entry.path();
  }
}

TEST(Corpus, BeginsWithInputsThatAreTaken) {
  const bool writes = std::getenv("GRANARY_WRITE_CORPUS") != nullptr;
  for (const Target& target : Targets()) {
    size_t taken = 0;
    std::string refusal;
    for (const Seed& seed : target.seeds()) {
      SCOPED_TRACE(std::string(target.name) + " " + seed.name);
      EXPECT_NO_THROW(taken += TryCopy(target, seed.bytes, &refusal));
      if (!writes) continue;
      std::filesystem::create_directories(Directory(target));
      std::ofstream file(Directory(target) / ("seed_" + seed.name), std::ios::binary);
      file.write(reinterpret_cast<const char*>(seed.bytes.data()),
                 static_cast<std::streamsize>(seed.bytes.size()));
    }
    EXPECT_GT(taken, 0u) << target.name << ": " << refusal;
  }
}

}  // namespace
}  // namespace granary::fuzz
