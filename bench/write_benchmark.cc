// How fast do rows get into a table, and parts into one another?
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "granary/bench/number_table.h"
#include "granary/bench/scratch_directory.h"
#include "granary/bench/vector_table.h"
#include "granary/parts/file_system.h"

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

// The time of six appends of 4 KiB, each with an fsync, in this directory.
double SixFsyncsMs(const ScratchDirectory& directory) {
  const auto files = PosixFileSystem();
  const std::string path = directory.Path("fsyncs");
  const auto file = files->Create(path);
  const std::vector<std::byte> bytes(4096);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i) {
    file->Append(bytes);
    file->Sync();
  }
  const auto end = std::chrono::steady_clock::now();
  file->Close();
  files->Remove(path);
  return std::chrono::duration<double, std::milli>(end - start).count();
}

// DELETE FROM of one row in a hundred, of 340,000 vectors of 100 dimensions.
void DeleteOnePercent(benchmark::State& state) {
  const ScratchDirectory directory;
  const auto database = OpenIn(directory);
  database->Execute(
      "CREATE TABLE vectors (id UInt64, m UInt8, v Array(Float32)) ENGINE = MergeTree ORDER BY id "
      "SETTINGS fsync = 'full'");
  database->Execute(
      "INSERT INTO vectors SELECT number, number % 100, "
      "arrayMap(i -> toFloat32(number % (i + 7)), range(100)) FROM numbers(340000)");
  double fsyncs_ms = 0;
  uint64_t rest = 0;
  for (auto _ : state) {
    state.PauseTiming();
    fsyncs_ms += SixFsyncsMs(directory);
    state.ResumeTiming();
    database->Execute("DELETE FROM vectors WHERE m = " + std::to_string(rest++));
  }
  state.counters["six_fsyncs_ms"] = fsyncs_ms / static_cast<double>(state.iterations());
}
BENCHMARK(DeleteOnePercent)->Iterations(50)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace granary::bench
