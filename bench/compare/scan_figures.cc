#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "granary/bench/compare/figures.h"
#include "granary/bench/scratch_directory.h"
#include "granary/bench/vector_table.h"
#include "granary/parts/file_system.h"

namespace granary::bench {
namespace {

constexpr size_t kQueries = 10;
constexpr size_t kBatch = 100;

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Everything there is to do is one addition per number, several at a time.
float SumOf(std::span<const float> values) {
  using Lanes [[gnu::vector_size(64)]] = float;
  constexpr size_t kLanes = sizeof(Lanes) / sizeof(float);
  Lanes sums[8] = {};
  size_t i = 0;
  for (; i + 8 * kLanes <= values.size(); i += 8 * kLanes) {
    for (size_t j = 0; j < 8; ++j) {
      Lanes next;
      std::memcpy(&next, values.data() + i + j * kLanes, sizeof(next));
      sums[j] += next;
    }
  }
  float sum = std::accumulate(values.begin() + static_cast<ptrdiff_t>(i), values.end(), 0.0f);
  for (const Lanes& lanes : sums) {
    for (size_t lane = 0; lane < kLanes; ++lane) sum += lanes[lane];
  }
  return sum;
}

double SumSeconds(std::span<const float> values, size_t threads) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<float> sums(threads);
  std::vector<std::thread> others;
  const auto run = [&](size_t thread) {
    const size_t first = values.size() * thread / threads;
    sums[thread] = SumOf(values.subspan(first, values.size() * (thread + 1) / threads - first));
  };
  for (size_t thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  for (std::thread& other : others) other.join();
  const volatile float kept = std::accumulate(sums.begin(), sums.end(), 0.0f);
  static_cast<void>(kept);
  return SecondsSince(begin);
}

// The one file of the table that holds vectors, mapped as a part maps it.
std::shared_ptr<const FileMap> MapVectors(const std::string& path) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.path().extension() != ".vectors") continue;
    auto map = PosixFileSystem()->Map(entry.path().string());
    map->Populate(0, map->bytes().size());
    return map;
  }
  throw std::runtime_error("the table has no file of vectors");
}

// Scans and sums in turn, on so many threads.
void MeasureOn(size_t threads, const std::string& path, const VectorSet& set, size_t rounds,
               Report& report) {
  DatabaseOptions options;
  options.path = path;
  options.threads = threads;
  const auto database = Database::Open(std::move(options));
  Session session(database.get());
  TableSearch scan(session, set, 10);
  const auto map = MapVectors(path);
  const std::span<const float> values(reinterpret_cast<const float*>(map->bytes().data()),
                                      map->bytes().size() / sizeof(float));
  std::vector<std::vector<uint32_t>> found(std::min(kQueries, set.queries.rows));
  scan.Search(set.queries.Row(0), found[0]);  // verifies the pages
  std::vector<double> scans, sums;
  for (size_t i = 0; i < rounds * kQueries; ++i) {
    const size_t query = i % found.size();
    const auto begin = std::chrono::steady_clock::now();
    scan.Search(set.queries.Row(query), found[query]);
    scans.push_back(SecondsSince(begin));
    sums.push_back(SumSeconds(values, threads));
  }
  report.Note(
      Format("%s: exact scan on %zu threads %.2f ms at recall %.4f, plain sum of the same "
             "bytes %.2f ms (%.1f GB/s)",
             set.name.c_str(), threads, 1e3 * Median(scans), RecallAt10(set, found),
             1e3 * Median(sums), 1e-9 * static_cast<double>(values.size_bytes()) / Median(sums)));
  report.Add({.name = Format("%s: exact scan / plain sum of the same bytes, %zu threads",
                             set.name.c_str(), threads),
              .measured = Median(sums) / Median(scans),
              .limit = 0.8});

  const size_t batch_size = std::min(kBatch, set.queries.rows);
  const std::span<const float> batch(set.queries.Row(0).data(),
                                     batch_size * set.queries.dimensions);
  std::vector<double> batches;
  std::vector<std::vector<uint32_t>> found_at_once;
  for (size_t i = 0; i < rounds * 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    scan.Search(batch, set.queries.dimensions, found_at_once);
    batches.push_back(SecondsSince(begin) / static_cast<double>(batch_size));
  }
  for (size_t query = 0; query < std::min(found.size(), batch_size); ++query) {
    if (found[query] != found_at_once[query]) {
      throw std::runtime_error("a batch finds other rows than its vectors one by one");
    }
  }
  report.Note(Format("%s: a batch of %zu vectors, exact, on %zu threads %.2f ms for each vector",
                     set.name.c_str(), batch_size, threads, 1e3 * Median(batches)));
  report.Add({.name = Format("%s: exact scans one by one / as a batch, %zu threads",
                             set.name.c_str(), threads),
              .measured = Median(scans) / Median(batches),
              .limit = 8});
}

}  // namespace

void MeasureScan(const VectorSet& set, size_t rounds, Report& report) {
  const ScratchDirectory directory;
  const std::string path = directory.Path(set.name);
  {
    DatabaseOptions options;
    options.path = path;
    const auto database = Database::Open(std::move(options));
    CreateVectorTable(*database, set, "");
    database->Insert("vectors", VectorBlock(set, 0, set.base.rows));
  }
  for (const size_t threads : {1, 2}) MeasureOn(threads, path, set, rounds, report);
}

}  // namespace granary::bench
