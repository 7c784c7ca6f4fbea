// Some tables, statements over them in Granary and ClickHouse, and what came out. Runs in a process
// of its own, so that a crash of either ends a batch and not the run.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>

#include "../differences.h"
#include "generator.h"

namespace granary::differential {

// In memory that the batches share with the process that starts them.
struct Tally {
  static constexpr size_t kStatementMax = 1 << 16;
  static constexpr size_t kEntriesMax = 512;
  static constexpr size_t kFoundMax = 1 << 14;

  std::atomic<uint64_t> statements;  // that ran in both, changes included
  std::atomic<uint64_t> refusals;    // by both, with the same code
  std::atomic<uint64_t> oracles;     // comparisons of Granary with itself
  std::atomic<uint64_t> recorded;
  std::atomic<uint64_t> listed;
  std::atomic<uint64_t> unlisted;
  std::array<std::atomic<uint64_t>, kEntriesMax> of_entry;  // of the list of differences
  std::array<uint64_t, kFoundMax> found;                    // hashes of what has been printed
  size_t found_count;
  std::array<char, kStatementMax> running;  // the statement under way, for the report of a crash
};

struct BatchOptions {
  std::string library;
  std::filesystem::path directory;  // for ClickHouse; empty
  uint64_t seed = 0;
  size_t statements = 0;
  std::filesystem::path recording;  // appended to, unless empty
};

void RunBatch(const BatchOptions& options, const Callables& callables,
              const Differences& differences, Tally& tally);

}  // namespace granary::differential
