// Runs generated statements in Granary and in ClickHouse and prints where the answers differ, but
// for what is listed; see run.sh.
//
//   differential LIBCHDB [--seconds N | --statements N] [--seed N] [--record FILE]
//
// Exits 1 if there was a difference that is not listed, or a crash.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch.h"
#include "granary/bench/clickhouse_peer.h"
#include "granary/bench/scratch_directory.h"
#include "granary/query/formats/registry.h"

namespace granary::differential {
namespace {

constexpr size_t kStatementsPerBatch = 1500;

struct Options {
  std::string library;
  double seconds = 0;
  uint64_t statements = 0;
  uint64_t seed = 0;
  std::filesystem::path recording;
};

Options ReadOptions(int argc, char** argv) {
  Options options{.seed = std::random_device()() % 1'000'000'000};
  if (argc < 2) throw std::runtime_error("the path of libchdb.so is missing");
  options.library = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--seconds") {
      options.seconds = std::stod(argv[i + 1]);
    } else if (name == "--statements") {
      options.statements = std::stoull(argv[i + 1]);
    } else if (name == "--seed") {
      options.seed = std::stoull(argv[i + 1]);
    } else if (name == "--record") {
      options.recording = argv[i + 1];
    } else {
      throw std::runtime_error("unknown option " + name);
    }
  }
  if (options.seconds == 0 && options.statements == 0) options.statements = 10'000;
  return options;
}

// Runs `work` in a process of its own; how that ended, as waitpid says.
template <class Work>
int InChild(const Work& work) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    int status = 0;
    try {
      work();
    } catch (const std::exception& error) {
      std::printf("failed: %s\n", error.what());
      status = 2;
    }
    std::fflush(stdout);
    _exit(status);  // ClickHouse's threads are not waited for
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

// What ClickHouse says, line by line. It is loaded in another process: this one will fork.
std::vector<std::string> AskClickHouse(const Options& options, const std::string& sql) {
  const bench::ScratchDirectory directory;
  const std::string file = directory.Path("answer");
  const int status = InChild([&] {
    const auto peer = bench::ClickHousePeer::Open(
        options.library, std::filesystem::absolute(directory.Path("clickhouse")).string());
    if (peer == nullptr) throw std::runtime_error("there is no library " + options.library);
    std::ofstream(file) << peer->Query(sql);
  });
  if (status != 0) throw std::runtime_error("ClickHouse cannot be asked");
  std::vector<std::string> lines;
  std::ifstream answer(file);
  for (std::string line; std::getline(answer, line);) lines.push_back(line);
  return lines;
}

Callables FindCallables(const Options& options) {
  Callables callables;
  callables.functions = FindFunctions(AskClickHouse(
      options, "SELECT name FROM system.functions WHERE NOT is_aggregate ORDER BY name"));
  callables.aggregates = FindAggregates(
      AskClickHouse(options, "SELECT name FROM system.functions WHERE is_aggregate ORDER BY name"));
  const std::vector<std::string> theirs =
      AskClickHouse(options, "SELECT name FROM system.formats WHERE is_output ORDER BY name");
  for (const FormatInfo& format : ListFormats()) {
    const bool is_shared = std::find(theirs.begin(), theirs.end(), format.name) != theirs.end();
    if (format.is_output && is_shared) callables.formats.emplace_back(format.name);
  }
  size_t signatures = 0;
  std::string untried;
  for (const CallableFunction& function : callables.functions) {
    signatures += function.signatures.size();
    if (function.signatures.empty() && !function.takes_lambda) untried += " " + function.name;
  }
  std::printf("%zu functions (%zu signatures), %zu aggregates, %zu formats\n",
              callables.functions.size(), signatures, callables.aggregates.size(),
              callables.formats.size());
  if (!untried.empty()) std::printf("no arguments were found for%s\n", untried.c_str());
  return callables;
}

std::string EndOf(int status) {
  if (WIFSIGNALED(status)) {
    return WTERMSIG(status) == SIGALRM
               ? "takes too long"
               : std::string("crashes (") + strsignal(WTERMSIG(status)) + ")";
  }
  return "failed";
}

void PrintSummary(const Tally& tally, const Differences& differences, size_t crashes) {
  std::printf(
      "%llu statements in both (%llu refused by both alike), %llu comparisons of Granary "
      "with itself\n%llu listed differences, %llu unlisted, %zu crashes\n",
      static_cast<unsigned long long>(tally.statements),
      static_cast<unsigned long long>(tally.refusals),
      static_cast<unsigned long long>(tally.oracles), static_cast<unsigned long long>(tally.listed),
      static_cast<unsigned long long>(tally.unlisted), crashes);
  for (size_t i = 0; i < differences.all().size(); ++i) {
    std::printf("  %6llu %s\n", static_cast<unsigned long long>(tally.of_entry[i]),
                differences.all()[i].name.c_str());
  }
}

int Run(const Options& options) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  const Differences differences = Differences::Read(std::filesystem::path(GRANARY_SOURCE_DIR) /
                                                    "tests/differential/differences.txt");
  const Callables callables = FindCallables(options);
  void* const memory =
      mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no shared memory");
  Tally& tally = *new (memory) Tally();
  const auto begin = std::chrono::steady_clock::now();
  const auto is_done = [&] {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    return options.seconds > 0 ? passed.count() >= options.seconds
                               : tally.statements >= options.statements;
  };
  size_t crashes = 0;
  for (uint64_t seed = options.seed; !is_done(); ++seed) {
    const bench::ScratchDirectory directory;
    const int status = InChild([&] {
      RunBatch({.library = options.library,
                .directory = std::filesystem::absolute(directory.Path("clickhouse")),
                .seed = seed,
                .statements = kStatementsPerBatch,
                .recording = options.recording},
               callables, differences, tally);
    });
    if (status == 0) continue;
    ++crashes;
    std::printf("%s (seed %llu)\n  %.1000s\n", EndOf(status).c_str(),
                static_cast<unsigned long long>(seed), tally.running.data());
  }
  PrintSummary(tally, differences, crashes);
  return tally.unlisted == 0 && crashes == 0 ? 0 : 1;
}

}  // namespace
}  // namespace granary::differential

int main(int argc, char** argv) {
  try {
    return granary::differential::Run(granary::differential::ReadOptions(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "differential: %s\n", error.what());
    return 2;
  }
}
