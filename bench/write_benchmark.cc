// How fast do rows get into a table, and parts into one another?
#include <optional>
#include <string>

#include <benchmark/benchmark.h>

#include "granary/bench/number_table.h"
#include "granary/bench/scratch_directory.h"
#include "granary/bench/vector_table.h"

namespace granary::bench {
namespace {

constexpr size_t kRows = 1'000'000;
constexpr size_t kParts = 10;

std::unique_ptr<Database> OpenIn(const ScratchDirectory& directory) {
  DatabaseOptions options;
  options.path = directory.Path("db");
  options.background_merges = false;
  return Database::Open(std::move(options));
}

void InsertNumbers(benchmark::State& state, const std::string& fsync) {
  const ScratchDirectory directory;
  const auto database = OpenIn(directory);
  CreateNumberTable(*database, fsync);
  const Block block = NumberBlock(0, kRows, 1);
  for (auto _ : state) database->Insert("numbers", block);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * block.byte_size()));
}
BENCHMARK_CAPTURE(InsertNumbers, fsync_off, "off")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(InsertNumbers, fsync_full, "full")->UseRealTime()->Unit(benchmark::kMillisecond);

void InsertOneRow(benchmark::State& state, const std::string& fsync) {
  const ScratchDirectory directory;
  const auto database = OpenIn(directory);
  CreateNumberTable(*database, fsync);
  const Block block = NumberBlock(0, 1, 1);
  for (auto _ : state) database->Insert("numbers", block);
}
BENCHMARK_CAPTURE(InsertOneRow, fsync_off, "off")
    ->Iterations(500)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(InsertOneRow, fsync_full, "full")
    ->Iterations(500)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

void MergeNumbers(benchmark::State& state) {
  const ScratchDirectory directory;
  const auto database = OpenIn(directory);
  size_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    database->Execute("DROP TABLE IF EXISTS numbers");
    CreateNumberTable(*database, "off");
    for (size_t part = 0; part < kParts; ++part) {
      const Block block = NumberBlock(part * (kRows / kParts), kRows / kParts, part);
      bytes += block.byte_size();
      database->Insert("numbers", block);
    }
    state.ResumeTiming();
    database->Execute("OPTIMIZE TABLE numbers FINAL");
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(MergeNumbers)->Iterations(3)->UseRealTime()->Unit(benchmark::kMillisecond);

// Ten parts of words with a graph each become one part with one graph.
void MergeVectors(benchmark::State& state) {
  const VectorSet words = LoadWords();
  const ScratchDirectory directory;
  const auto database = OpenIn(directory);
  for (auto _ : state) {
    state.PauseTiming();
    database->Execute("DROP TABLE IF EXISTS vectors");
    CreateVectorTable(*database, words, DefaultIndex(words));
    const size_t rows = words.base.rows / kParts;
    for (size_t part = 0; part < kParts; ++part) {
      database->Insert("vectors", VectorBlock(words, part * rows, rows));
    }
    state.ResumeTiming();
    database->Execute("OPTIMIZE TABLE vectors FINAL");
  }
}
BENCHMARK(MergeVectors)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace granary::bench
