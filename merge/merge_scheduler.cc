#include "granary/merge/merge_scheduler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "granary/merge/merge_task.h"
#include "granary/merge/start_thread.h"
#include "granary/table/out_of_memory.h"

namespace granary {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What the last free thread may take.
constexpr uint64_t kSmallMergeBytes = uint64_t{256} << 20;
// How often a waiting statement looks whether it was cancelled.
constexpr milliseconds kCancelPoll{20};
// Between two looks at tables in which nothing happens.
constexpr milliseconds kShortestPause{100};
constexpr std::chrono::hours kLongestPause{1};
constexpr std::chrono::seconds kPauseWithoutMemory{1};

// Nothing for a failure that is nobody's concern: the table is gone.
std::optional<std::string> FailureText(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnknownTable) return std::nullopt;
    return error.what();
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

// A table somebody waits for; its parts count as settled meanwhile. Guarded by the mutex.
class MergeScheduler::WaitGuard {
 public:
  explicit WaitGuard(TablePtr table) : table_(std::move(table)), failures_(table_->failures) {
    ++table_->waiters;
    table_->EndRests();
  }
  WaitGuard(WaitGuard&& other) noexcept = default;
  ~WaitGuard() {
    if (table_ != nullptr) --table_->waiters;
  }

  const TableMerges& table() const { return *table_; }
  bool has_failed() const { return table_->failures != failures_; }

 private:
  TablePtr table_;
  uint64_t failures_;
};

MergeScheduler::MergeScheduler(BackgroundMergesOptions options) : options_(std::move(options)) {}

void MergeScheduler::StartThreads() {
  try {
    for (size_t i = 0; i < options_.threads; ++i) {
      std::thread& started = threads_.emplace_back();
      started = StartThread([this] { WorkerLoop(); });
    }
  } catch (...) {
    Close();
    throw;
  }
}

void MergeScheduler::Close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    for (const TablePtr& table : tables_) table->CancelBackgroundJobs();
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  threads_.clear();
}

void MergeScheduler::AddTable(std::shared_ptr<TableStore> store) {
  store->SetListener([weak = weak_from_this()] {
    if (const std::shared_ptr<MergeScheduler> self = weak.lock()) self->Wake();
  });
  const std::lock_guard lock(mutex_);
  tables_.push_back(std::make_shared<TableMerges>(std::move(store), stopped_by_default_));
  changed_.notify_all();
}

void MergeScheduler::RemoveTable(const TableStore& store) {
  Lock lock(mutex_);
  const TablePtr table = Find(store);
  if (table == nullptr) return;
  table->removed = true;
  std::erase(tables_, table);
  EndBackgroundJobs(*table, lock);
}

void MergeScheduler::Stop(const TableStore* store) {
  Lock lock(mutex_);
  if (store == nullptr) stopped_by_default_ = true;
  const std::vector<TablePtr> tables = Chosen(store);
  for (const TablePtr& table : tables) table->stopped = true;
  for (const TablePtr& table : tables) EndBackgroundJobs(*table, lock);
}

void MergeScheduler::Start(const TableStore* store) {
  const std::lock_guard lock(mutex_);
  if (store == nullptr) stopped_by_default_ = false;
  for (const TablePtr& table : Chosen(store)) table->stopped = false;
  changed_.notify_all();
}

void MergeScheduler::Wait(const TableStore* store, const TaskContext& context) {
  Lock lock(mutex_);
  std::vector<WaitGuard> waits;
  for (const TablePtr& table : Chosen(store)) waits.emplace_back(table);
  changed_.notify_all();
  for (const WaitGuard& wait : waits) {
    while (!IsFinished(wait)) SleepLocked(lock, context);
  }
}

std::vector<RunningMerge> MergeScheduler::running() const {
  const std::lock_guard lock(mutex_);
  std::vector<RunningMerge> result;
  for (const TablePtr& table : tables_) {
    for (const MergeJob& job : table->jobs) {
      result.push_back(Describe(*table, job, *options_.clock));
    }
  }
  std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) {
    return a.elapsed_seconds > b.elapsed_seconds;
  });
  return result;
}

MergeScheduler::TablePtr MergeScheduler::FindForStatement(const TableStore& store) const {
  const std::lock_guard lock(mutex_);
  const TablePtr table = Find(store);
  const std::string name = store.parts()->schema->table_name;
  if (table == nullptr) {
    throw Error(ErrorCode::kUnknownTable, "Table " + name + " was dropped meanwhile");
  }
  if (table->stopped) {
    throw Error(ErrorCode::kAborted,
                "Merges of table " + name + " are stopped; SYSTEM START MERGES allows them");
  }
  return table;
}

void MergeScheduler::Sleep(const TaskContext& context) {
  Lock lock(mutex_);
  SleepLocked(lock, context);
}

MergeScheduler::ClaimGuard::ClaimGuard(MergeScheduler& scheduler, TablePtr table,
                                       PartitionClaim claim, const TaskContext& context)
    : scheduler_(scheduler), table_(std::move(table)) {
  Lock lock(scheduler_.mutex_);
  claim_ = table_->claims.insert(table_->claims.end(), std::move(claim));
  try {
    while (table_->IsHeldUp(*claim_)) scheduler_.SleepLocked(lock, context);
  } catch (...) {
    table_->claims.erase(claim_);
    throw;
  }
}

MergeScheduler::ClaimGuard::~ClaimGuard() {
  const std::lock_guard lock(scheduler_.mutex_);
  table_->claims.erase(claim_);
  scheduler_.changed_.notify_all();
}

MergeScheduler::JobGuard::JobGuard(MergeScheduler& scheduler, TablePtr table,
                                   std::vector<PartPtr> inputs, bool is_mutation,
                                   const TaskContext& context)
    : scheduler_(scheduler), table_(std::move(table)) {
  const std::lock_guard lock(scheduler_.mutex_);
  job_ = table_->jobs.emplace(table_->jobs.end());
  job_->inputs = std::move(inputs);
  job_->is_mutation = is_mutation;
  job_->progress = &context.progress();
  job_->rows_done_before = context.progress().rows_done;
  job_->rows_total_before = context.progress().rows_total;
  job_->memory = &context.memory();
  job_->started = scheduler_.options_.clock->Monotonic();
}

MergeScheduler::JobGuard::~JobGuard() {
  const std::lock_guard lock(scheduler_.mutex_);
  table_->jobs.erase(job_);
}

void MergeScheduler::Wake() {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void MergeScheduler::SleepLocked(Lock& lock, const TaskContext& context) {
  context.CheckCancelled();
  changed_.wait_for(lock, kCancelPoll);
}

MergeScheduler::TablePtr MergeScheduler::Find(const TableStore& store) const {
  for (const TablePtr& table : tables_) {
    if (table->store.get() == &store) return table;
  }
  return nullptr;
}

std::vector<MergeScheduler::TablePtr> MergeScheduler::Chosen(const TableStore* store) const {
  if (store == nullptr) return tables_;
  const TablePtr table = Find(*store);
  return table == nullptr ? std::vector<TablePtr>() : std::vector<TablePtr>{table};
}

void MergeScheduler::EndBackgroundJobs(TableMerges& table, Lock& lock) {
  table.CancelBackgroundJobs();
  changed_.wait(lock, [&] { return !table.HasBackgroundJobs(); });
}

bool MergeScheduler::IsFinished(const WaitGuard& wait) const {
  const TableMerges& table = wait.table();
  if (wait.has_failed()) std::rethrow_exception(table.last_failure);
  if (table.removed) return true;
  if (!table.jobs.empty() || !table.claims.empty()) return false;
  if (!table.Select(*options_.clock, UINT64_MAX)) return true;
  if (!table.stopped && options_.threads > 0) return false;
  throw Error(ErrorCode::kAborted, "There are parts to merge in table " +
                                       table.store->parts()->schema->table_name +
                                       ", but background merges are stopped");
}

void MergeScheduler::WorkerLoop() {
  Lock lock(mutex_);
  while (!closing_) {
    try {
      if (!RunNext(lock)) changed_.wait_for(lock, UntilNextSelect());
    } catch (...) {
      // No memory even to choose a merge or to report one that failed.
      if (lock.owns_lock()) lock.unlock();
      WarnWithoutMemory();
      lock.lock();
      changed_.wait_for(lock, kPauseWithoutMemory, [this] { return closing_; });
    }
  }
}

void MergeScheduler::WarnWithoutMemory() const {
  try {
    if (options_.warn) options_.warn(OutOfMemoryError().message());
  } catch (...) {
  }
}

bool MergeScheduler::RunNext(Lock& lock) {
  const bool is_last_free = options_.threads > 1 && background_jobs_ + 1 == options_.threads;
  const uint64_t bytes_max = is_last_free ? kSmallMergeBytes : UINT64_MAX;
  for (auto candidate = tables_.begin(); candidate != tables_.end(); ++candidate) {
    const TablePtr table = *candidate;
    if (table->stopped) continue;
    const std::optional<NextMerge> next = table->Select(*options_.clock, bytes_max);
    if (!next) continue;
    std::rotate(candidate, candidate + 1, tables_.end());
    RunInBackground(*table, *next, lock);
    return true;
  }
  return false;
}

void MergeScheduler::RunInBackground(TableMerges& table, const NextMerge& next, Lock& lock) {
  Progress progress;
  MemoryTracker memory(0, options_.memory);
  std::list<MergeJob> jobs(1);
  const auto job = jobs.begin();
  job->inputs = next.inputs;
  job->is_background = true;
  job->progress = &progress;
  job->memory = &memory;
  job->started = options_.clock->Monotonic();
  table.jobs.splice(table.jobs.end(), jobs);
  ++background_jobs_;
  lock.unlock();
  const std::exception_ptr failure = Merge(table, next, *job, progress, memory);
  lock.lock();
  --background_jobs_;
  const bool is_unwanted = job->cancel.cancelled() || table.removed;
  table.jobs.erase(job);
  if (failure != nullptr && !is_unwanted) HandleFailure(table, next, failure, lock);
  changed_.notify_all();
}

std::exception_ptr MergeScheduler::Merge(TableMerges& table, const NextMerge& next,
                                         const MergeJob& job, Progress& progress,
                                         MemoryTracker& memory) {
  try {
    const TaskContext context({.executor = options_.executor,
                               .memory = &memory,
                               .clock = options_.clock,
                               .cancel = &job.cancel,
                               .progress = &progress,
                               .warn = options_.warn,
                               .seed = options_.seed});
    MergeParts(*table.store, next.base, next.inputs, context);
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

void MergeScheduler::HandleFailure(TableMerges& table, const NextMerge& next,
                                   const std::exception_ptr& failure, Lock& lock) {
  const std::optional<std::string> text = FailureText(failure);
  if (!text) return;
  const std::chrono::seconds rest = table.Rest(next.inputs, *options_.clock);
  table.last_failure = failure;
  ++table.failures;
  if (!options_.warn) return;
  lock.unlock();
  options_.warn("Merging " + std::to_string(next.inputs.size()) + " parts of table " +
                next.base->schema->table_name + " from " + next.inputs.front()->name_text() +
                " on failed and will be tried again in " + std::to_string(rest.count()) +
                " s: " + *text);
  lock.lock();
}

steady_clock::duration MergeScheduler::UntilNextSelect() const {
  steady_clock::duration pause = kLongestPause;
  for (const TablePtr& table : tables_) {
    if (!table->stopped) pause = std::min(pause, table->UntilNextSelect(*options_.clock));
  }
  return std::max<steady_clock::duration>(pause, kShortestPause);
}

}  // namespace granary
