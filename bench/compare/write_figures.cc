#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "granary/bench/compare/figures.h"
#include "granary/bench/number_table.h"
#include "granary/bench/scratch_directory.h"
#include "granary/bench/vector_table.h"

namespace granary::bench {
namespace {

constexpr size_t kInsertedRows = 2'000'000;
constexpr size_t kParts = 10;

std::unique_ptr<Database> OpenWithoutMerges(const std::string& path) {
  DatabaseOptions options;
  options.path = path;
  options.background_merges = false;
  return Database::Open(std::move(options));
}

template <class Work>
double Seconds(Work work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double InsertSeconds(const ScratchDirectory& directory, const std::string& fsync,
                     const Block& block) {
  const std::string path = directory.Path("numbers");
  std::filesystem::remove_all(path);
  const auto database = OpenWithoutMerges(path);
  CreateNumberTable(*database, fsync);
  return Seconds([&] { database->Insert("numbers", block); });
}

void WriteAll(int file, const void* data, size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t written = ::write(file, next, bytes);
    if (written <= 0) throw std::runtime_error("cannot write to the scratch directory");
    next += written;
    bytes -= static_cast<size_t>(written);
  }
}

// Writes the values of the columns to one file, and syncs it.
double PlainWriteSeconds(const ScratchDirectory& directory, const Block& block) {
  const std::string path = directory.Path("plain");
  std::filesystem::remove(path);
  return Seconds([&] {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    for (const NamedColumn& named : block.columns()) {
      VisitFixedType(named.column->type().id(), [&]<class T>() {
        WriteAll(file, AsNumbers<T>(*named.column).data(), named.column->byte_size());
      });
    }
    if (::fsync(file) != 0) throw std::runtime_error("cannot sync the scratch directory");
    ::close(file);
  });
}

// Bytes of this process that no file backs.
size_t AnonymousBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8)) * 1024;
  }
  throw std::runtime_error("/proc/self/status has no RssAnon");
}

// The most anonymous memory while `work` ran, beyond what there was before.
template <class Work>
size_t PeakGrowthBytes(Work work) {
  const size_t before = AnonymousBytes();
  size_t peak = before;
  {
    std::jthread sampler([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        peak = std::max(peak, AnonymousBytes());
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
    work();
  }
  return peak - before;
}

}  // namespace

void MeasureInsert(size_t rounds, Report& report) {
  const Block block = NumberBlock(0, kInsertedRows, 1);
  const double megabytes = static_cast<double>(block.byte_size()) / 1e6;
  std::vector<double> unsynced, synced, plain;
  const ScratchDirectory directory;
  for (size_t round = 0; round < rounds; ++round) {
    unsynced.push_back(megabytes / InsertSeconds(directory, "off", block));
    synced.push_back(megabytes / InsertSeconds(directory, "full", block));
    plain.push_back(megabytes / PlainWriteSeconds(directory, block));
  }
  report.Note(
      Format("insert of %.0f MB: %.0f MB/s fsync off, %.0f MB/s fsync full; plain write and "
             "sync %.0f MB/s",
             megabytes, Median(unsynced), Median(synced), Median(plain)));
  report.Add({.name = "insert, ten numeric columns, fsync off",
              .measured = Median(unsynced),
              .unit = "MB/s",
              .limit = 300});
  report.Add({.name = "insert, fsync full / writing and syncing the same bytes",
              .measured = Median(synced) / Median(plain),
              .limit = 0.6});
}

void MeasureMerge(const VectorSet& set, Report& report) {
  const ScratchDirectory directory;
  const auto database = OpenWithoutMerges(directory.Path("db"));
  CreateVectorTable(*database, set, DefaultIndex(set));
  const size_t rows = set.base.rows / kParts;
  for (size_t part = 0; part < kParts; ++part) {
    database->Insert("vectors", VectorBlock(set, part * rows, rows));
  }
  double seconds = 0;
  const size_t peak = PeakGrowthBytes(
      [&] { seconds = Seconds([&] { database->Execute("OPTIMIZE TABLE vectors FINAL"); }); });
  const double column_bytes = static_cast<double>(set.base.values.size() * sizeof(float));
  report.Note(
      Format("%s: merge of ten parts with graphs into one: %.1f s, %.0f MB of memory beside "
             "mapped files, for a vector column of %.0f MB",
             set.name.c_str(), seconds, static_cast<double>(peak) / 1e6, column_bytes / 1e6));
  report.Add({.name = set.name + ": peak memory of a merge / bytes of the vector column",
              .measured = static_cast<double>(peak) / column_bytes,
              .bound = Bound::kAtMost,
              .limit = 1});
}

void MeasureLibrary(Report& report) {
  const auto bytes = std::filesystem::file_size(GRANARY_STRIPPED_LIBRARY);
  report.Add({.name = "library, stripped",
              .measured = static_cast<double>(bytes) / 1e6,
              .unit = "MB",
              .bound = Bound::kAtMost,
              .limit = 5});
}

}  // namespace granary::bench
