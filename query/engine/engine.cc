#include "granary/query/engine/engine.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "granary/parts/simulated_disk.h"

namespace granary {
namespace {

constexpr size_t kMergeThreads = 2;
constexpr const char* kMemoryDirectory = "/memory";

std::shared_ptr<FileSystem> FilesFor(const DatabaseOptions& options) {
  if (options.file_system) return options.file_system;
  if (!options.path.empty()) return PosixFileSystem();
  return std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
}

size_t ThreadsFor(const DatabaseOptions& options) {
  if (options.threads > 0) return options.threads;
  return std::max<size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace

Engine::Engine(DatabaseOptions options)
    : options_(std::move(options)),
      clock_(options_.clock != nullptr ? options_.clock : &SystemClock()),
      memory_(options_.memory_limit_bytes),
      threads_(ThreadsFor(options_)),
      background_(&threads_, ThreadPool::Priority::kBackground),
      files_(FilesFor(options_)),
      user_files_(options_.file_system ? options_.file_system : PosixFileSystem()) {
  if (options_.restore && options_.read_only) {
    throw Error(ErrorCode::kBadArguments,
                "DatabaseOptions::restore writes to the database; it does not go with read_only");
  }
  const auto warn = [this](const std::string& message) { Warn(message); };
  const bool merges_by_itself = options_.background_merges && !options_.read_only;
  merges_ = std::make_unique<BackgroundMerges>(
      BackgroundMergesOptions{.executor = &background_,
                              .memory = &memory_,
                              .clock = clock_,
                              .warn = warn,
                              .seed = options_.seed,
                              .threads = merges_by_itself ? kMergeThreads : 0});
  TaskContext::Parts verification;
  verification.executor = &background_;
  verification.memory = &memory_;
  verification.clock = clock_;
  verification.warn = warn;
  verifier_ = std::make_unique<IndexVerifier>(std::move(verification));
  PoolExecutor executor(&threads_, ThreadPool::Priority::kForeground);
  tables_ = std::make_unique<Tables>(
      TablesOptions{
          .files = files_,
          .directory = options_.path.empty() ? kMemoryDirectory : options_.path,
          .read_only = options_.read_only,
          .restore = options_.restore,
          .registry = &options_.skip_indexes,
          .default_settings = options_.table_settings,
          .on_unverified_index =
              [this](std::weak_ptr<const Part> part) { verifier_->Verify(std::move(part)); },
          .on_damaged_index = [this] { merges_->Wake(); },
          .memory = &memory_},
      merges_.get(), MakeTask(executor));
  if (!options_.read_only) sweeper_ = std::make_unique<RemovalSweeper>(&tables_->removals());
}

Engine::~Engine() {
  processes_.CancelAll();
  verifier_.reset();
  merges_.reset();
  sweeper_.reset();
}

TaskContext Engine::MakeTask(Executor& executor) {
  TaskContext::Parts parts;
  parts.executor = &executor;
  parts.memory = &memory_;
  parts.clock = clock_;
  parts.warn = [this](const std::string& message) { Warn(message); };
  parts.seed = options_.seed;
  return TaskContext(std::move(parts));
}

void Engine::Refresh() {
  PoolExecutor executor(&threads_, ThreadPool::Priority::kForeground);
  tables_->Refresh(MakeTask(executor));
}

void Engine::CheckWritable() const {
  if (!options_.read_only) return;
  throw Error(ErrorCode::kReadonly,
              "The database was opened read-only; open it for writing to change it");
}

std::string Engine::NewQueryId() { return "query-" + std::to_string(++query_ids_); }

void Engine::Warn(const std::string& message) const {
  try {
    if (options_.on_warning) options_.on_warning(message);
  } catch (...) {  // a warning fails no statement and ends no thread
  }
}

}  // namespace granary
