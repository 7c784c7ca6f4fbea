// What is going on in one table: the merges and mutations at work, the partitions that statements
// claim, and which merge should come next. Bookkeeping only: no threads, no locks; BackgroundMerges
// owns one per table and guards it with its mutex.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/merge/background_merges.h"
#include "granary/merge/merge_policy.h"
#include "granary/parts/table_store.h"
#include "granary/table/task_context.h"

namespace granary {

// A merge, OPTIMIZE or mutation at work. What is pointed to outlives it.
struct MergeJob {
  std::vector<PartPtr> inputs;
  bool is_mutation = false;
  bool is_background = false;
  CancelToken cancel;  // of background jobs
  const Progress* progress = nullptr;
  uint64_t rows_done_before = 0;  // of the progress, which belongs to a whole statement
  uint64_t rows_total_before = 0;
  const MemoryTracker* memory = nullptr;
  std::chrono::steady_clock::time_point started;
};

// All parts of a partition, or of the table, wanted by a statement. Background merges keep off them
// from the moment it is made; it holds once those before it are gone.
struct PartitionClaim {
  std::optional<std::string> partition_id;
};

// A decision to merge these parts of `base`.
struct NextMerge {
  PartSetPtr base;
  std::vector<PartPtr> inputs;
};

class TableMerges {
 public:
  TableMerges(std::shared_ptr<TableStore> merged_store, bool is_stopped)
      : store(std::move(merged_store)), stopped(is_stopped) {}

  const std::shared_ptr<TableStore> store;
  bool stopped;          // SYSTEM STOP MERGES
  bool removed = false;  // the table is gone
  size_t waiters = 0;    // SYSTEM WAIT MERGES: parts count as settled
  std::list<MergeJob> jobs;
  std::list<PartitionClaim> claims;  // in the order they were made
  uint64_t failures = 0;
  std::exception_ptr last_failure;

  // The next background merge of at most `bytes_max`; nothing if there is none now, whether or not
  // merges are stopped.
  std::optional<NextMerge> Select(const Clock& clock, uint64_t bytes_max) const;
  // When Select may find something although nothing has changed: parts settle, failed ones have
  // rested. max() if never.
  std::chrono::steady_clock::duration UntilNextSelect(const Clock& clock) const;

  // A merge of these parts has failed: keep off them for a while, longer each time.
  // Returns for how long.
  std::chrono::seconds Rest(const std::vector<PartPtr>& inputs, const Clock& clock);
  // All may be tried again at once.
  void EndRests();

  bool HasBackgroundJobs() const;
  // Whether the claim must wait, for jobs or for claims made before it.
  bool IsHeldUp(const PartitionClaim& claim) const;
  void CancelBackgroundJobs();

 private:
  struct RestingPart {
    std::chrono::steady_clock::time_point until;
    std::chrono::seconds delay{0};
  };

  bool IsBusy(const Part& part, const Clock& clock) const;
  bool IsResting(const Part& part, const Clock& clock) const;

  std::map<std::string, RestingPart> resting_;  // by part name
};

RunningMerge Describe(const TableMerges& table, const MergeJob& job, const Clock& clock);

}  // namespace granary
