// The engine room of BackgroundMerges: the threads that merge, and the one mutex under which
// merges, mutations and statements agree on who works on which parts. Not for use outside merge/.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "granary/merge/background_merges.h"
#include "granary/merge/table_merges.h"

namespace granary {

// Made as a shared_ptr: the listeners of the stores hold it weakly, for stores may outlive it.
class MergeScheduler : public std::enable_shared_from_this<MergeScheduler> {
 public:
  using TablePtr = std::shared_ptr<TableMerges>;

  explicit MergeScheduler(BackgroundMergesOptions options);
  void StartThreads();
  // Cancels background merges and joins the threads.
  void Close();

  // As the functions of BackgroundMerges.
  void AddTable(std::shared_ptr<TableStore> store);
  void RemoveTable(const TableStore& store);
  void Stop(const TableStore* store);
  void Start(const TableStore* store);
  void Wait(const TableStore* store, const TaskContext& context);
  std::vector<RunningMerge> running() const;

  // The table, for a statement that merges. Throws UNKNOWN_TABLE if it was removed, ABORTED if its
  // merges are stopped.
  TablePtr FindForStatement(const TableStore& store) const;
  // Returns after any change in any table, or after a moment. Throws if the task is cancelled.
  void Sleep(const TaskContext& context);

  // Holds a partition, or all of a table, against background merges and other statements. The
  // constructor waits for those that were first.
  class ClaimGuard {
   public:
    ClaimGuard(MergeScheduler& scheduler, TablePtr table, PartitionClaim claim,
               const TaskContext& context);
    ~ClaimGuard();
    ClaimGuard(const ClaimGuard&) = delete;
    ClaimGuard& operator=(const ClaimGuard&) = delete;

   private:
    MergeScheduler& scheduler_;
    const TablePtr table_;
    std::list<PartitionClaim>::iterator claim_;
  };

  // Shows the work of a statement in running().
  class JobGuard {
   public:
    JobGuard(MergeScheduler& scheduler, TablePtr table, std::vector<PartPtr> inputs,
             bool is_mutation, const TaskContext& context);
    ~JobGuard();
    JobGuard(const JobGuard&) = delete;
    JobGuard& operator=(const JobGuard&) = delete;

   private:
    MergeScheduler& scheduler_;
    const TablePtr table_;
    std::list<MergeJob>::iterator job_;
  };

 private:
  using Lock = std::unique_lock<std::mutex>;
  class WaitGuard;

  void Wake();
  void SleepLocked(Lock& lock, const TaskContext& context);
  TablePtr Find(const TableStore& store) const;
  std::vector<TablePtr> Chosen(const TableStore* store) const;
  void EndBackgroundJobs(TableMerges& table, Lock& lock);
  bool IsFinished(const WaitGuard& wait) const;

  void WorkerLoop();
  void WarnWithoutMemory() const;
  // Runs one merge, if there is one to run now.
  bool RunNext(Lock& lock);
  void RunInBackground(TableMerges& table, const NextMerge& next, Lock& lock);
  // Returns what was thrown, or null.
  std::exception_ptr Merge(TableMerges& table, const NextMerge& next, const MergeJob& job,
                           Progress& progress, MemoryTracker& memory);
  void HandleFailure(TableMerges& table, const NextMerge& next, const std::exception_ptr& failure,
                     Lock& lock);
  std::chrono::steady_clock::duration UntilNextSelect() const;

  const BackgroundMergesOptions options_;
  std::vector<std::thread> threads_;  // only StartThreads and Close touch them

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TablePtr> tables_;  // the one merged last comes last
  bool stopped_by_default_ = false;
  bool closing_ = false;
  size_t background_jobs_ = 0;
};

}  // namespace granary
