// The merges of all tables of a Database: when they run, on which threads, and everything that
// statements have to do with them: OPTIMIZE, MATERIALIZE INDEX, SYSTEM STOP / START / WAIT MERGES,
// system.merges, and the back-pressure on inserts.
//
// Threads. BackgroundMerges starts `threads` threads, which sleep until a part set changes;
// Database owns it and with it them. Graph builds inside a merge also use the executor. Statements
// (Optimize, MutateIndex, MutateRows, Wait) work on their caller's thread and context. Every
// function may be called from any thread.
//
// Parts that a merge or mutation works on are reserved: no second one takes them. A merge whose
// inputs vanish (TRUNCATE, DROP) or whose schema changes is discarded without a word. One that
// fails is reported to `warn` and tried again after a delay that doubles up to five minutes; it
// never fails an INSERT.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/merge/mutation_task.h"
#include "granary/parts/table_store.h"
#include "granary/table/task_context.h"

namespace granary {

class MergeScheduler;

// All but the flags is required; what is pointed to outlives BackgroundMerges.
struct BackgroundMergesOptions {
  Executor* executor = nullptr;     // of background priority
  MemoryTracker* memory = nullptr;  // of the Database
  const Clock* clock = nullptr;
  std::function<void(const std::string&)> warn;  // thread-safe
  uint64_t seed = 0;
  // With two or more, the last free thread takes only merges of small parts, so that they never
  // wait for a large one. 0: nothing is merged by itself.
  size_t threads = 2;
};

// A row of system.merges: a merge, OPTIMIZE or mutation at work.
struct RunningMerge {
  std::string table;
  std::string partition_id;
  std::vector<std::string> source_parts;
  std::string result_part;  // without its version, if it gets one; empty for a mutation
  bool is_mutation = false;
  double progress = 0;  // 0 to 1, the building of graphs included
  uint64_t rows_total = 0;
  uint64_t rows_done = 0;  // read and appended
  uint64_t source_bytes = 0;
  uint64_t memory_bytes = 0;  // used now
  double elapsed_seconds = 0;
};

struct OptimizeOptions {
  // Only this partition.
  std::optional<std::string> partition_id;
  // Also merges beyond max_bytes_to_merge, and rewrites a single part that lacks a declared index,
  // or has a damaged one or any dead rows; otherwise one is rewritten if more than a tenth of its
  // rows are dead.
  bool final = false;
};

class BackgroundMerges {
 public:
  explicit BackgroundMerges(BackgroundMergesOptions options);
  // Cancels what runs in the background and waits for it (100 ms at most, but for an fsync on its
  // way). No other call may be running.
  ~BackgroundMerges();
  BackgroundMerges(const BackgroundMerges&) = delete;
  BackgroundMerges& operator=(const BackgroundMerges&) = delete;

  // From now on the table is merged in the background. Becomes the listener of the store.
  void AddTable(std::shared_ptr<TableStore> store);
  // Cancels the background merges of the table, waits for them and forgets it; for DROP TABLE.
  // Statements that still work on it end by themselves. Unknown tables are fine.
  void RemoveTable(const TableStore& store);

  // SYSTEM STOP MERGES: nothing new begins, background merges that run are cancelled; returns when
  // they have ended. OPTIMIZE and mutations are refused meanwhile. nullptr: all tables, also
  // those to come.
  void Stop(const TableStore* store);
  // SYSTEM START MERGES. nullptr: all tables, those stopped one by one included.
  void Start(const TableStore* store);

  // SYSTEM WAIT MERGES: returns when nothing is left to merge, as if no row had been inserted for a
  // long time (MergePolicy::settled_age). nullptr: in all tables. Throws QUERY_WAS_CANCELLED,
  // TIMEOUT_EXCEEDED, the error of a merge that fails meanwhile, and ABORTED if something is left
  // to merge but merges are stopped.
  void Wait(const TableStore* store, const TaskContext& context);

  // Back-pressure, before the rows of an INSERT are written. From parts_to_delay_insert active
  // parts in any one partition on it waits, up to a second the closer it is to
  // parts_to_throw_insert, where it throws TOO_MANY_PARTS.
  void DelayInsert(const TableStore& store, const TaskContext& context);

  // OPTIMIZE TABLE: merges the parts of each partition into one, as they are when it gets hold of
  // them; waits for running merges of these parts. Partitions are committed one by one. Throws
  // ABORTED if merges are stopped.
  void Optimize(const std::shared_ptr<TableStore>& store, const OptimizeOptions& options,
                const TaskContext& context);

  // ALTER TABLE ... MATERIALIZE INDEX and CLEAR INDEX over all parts there are now, in one commit;
  // waits for running merges. Returns when it is done. Throws as MutateIndex (mutation_task.h), and
  // ABORTED if merges are stopped.
  void MutateIndex(const std::shared_ptr<TableStore>& store, std::string_view index_name,
                   IndexMutation mutation, const TaskContext& context);

  // ALTER TABLE ... UPDATE and DELETE over all parts there are now, in one commit; waits for
  // running merges. Returns when it is done. Throws what the mutation throws, and ABORTED if merges
  // are stopped.
  void MutateRows(const std::shared_ptr<TableStore>& store, RowMutation& mutation,
                  const TaskContext& context);

  // Looks for work: something has changed that no part set tells, such as an index found damaged.
  void Wake();

  // What runs now, oldest first.
  std::vector<RunningMerge> running() const;

 private:
  std::shared_ptr<MergeScheduler> scheduler_;
};

}  // namespace granary
