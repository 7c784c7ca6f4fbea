// What all statements of a Database share: threads, memory, tables, merges, the list of running
// statements. Internal to query/; ../database.h is the public face.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "granary/merge/background_merges.h"
#include "granary/query/engine/index_verifier.h"
#include "granary/query/engine/process_list.h"
#include "granary/query/engine/removal_sweeper.h"
#include "granary/query/engine/tables.h"
#include "granary/query/engine/thread_pool.h"
#include "granary/query/options.h"

namespace granary {

class Engine {
 public:
  explicit Engine(DatabaseOptions options);
  // Cancels what runs and waits for background work.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const DatabaseOptions& options() const { return options_; }
  ThreadPool& threads() { return threads_; }
  MemoryTracker& memory() { return memory_; }
  const Clock& clock() const { return *clock_; }
  FileSystem& files() { return *files_; }
  // Where file(), INFILE and OUTFILE look: the system, also for a database in memory.
  FileSystem& user_files() { return *user_files_; }
  ProcessList& processes() { return processes_; }
  BackgroundMerges& merges() { return *merges_; }
  Tables& tables() { return *tables_; }

  // See Database::Refresh.
  void Refresh();
  // Throws READONLY if the database was opened so.
  void CheckWritable() const;
  // Another one for each statement.
  uint64_t NextSeed() { return options_.seed + statements_++; }
  std::string NewQueryId();
  void Warn(const std::string& message) const;

 private:
  // For what is no statement; `executor` outlives it.
  TaskContext MakeTask(Executor& executor);

  const DatabaseOptions options_;
  const Clock* const clock_;
  MemoryTracker memory_;
  ThreadPool threads_;
  PoolExecutor background_;
  const std::shared_ptr<FileSystem> files_;
  const std::shared_ptr<FileSystem> user_files_;
  std::atomic<uint64_t> statements_{0};
  std::atomic<uint64_t> query_ids_{0};
  ProcessList processes_;
  std::unique_ptr<BackgroundMerges> merges_;
  std::unique_ptr<IndexVerifier> verifier_;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<RemovalSweeper> sweeper_;  // of a writer
};

}  // namespace granary
