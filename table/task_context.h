// What a statement or a background task is given to work with: cancellation, progress, memory,
// threads, clock, seed and a place for warnings. Lower layers only call it; Database implements
// and owns the parts. One TaskContext belongs to one statement and may be used from all threads
// that work on it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "granary/table/error.h"
#include "granary/table/memory_tracker.h"

namespace granary {

// Set once, from any thread; seen by every check afterwards.
class CancelToken {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

// Runs pieces of work on the threads of a Database. Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  // How many threads may work at once, the caller included; at least 1.
  virtual size_t threads() const = 0;
  // Calls run(i) once for every i in [0, count), in any order, on any threads; the caller takes
  // part, so that nested calls never wait for a free thread. Returns when all are done. If calls
  // throw, the first exception (by time) is rethrown after the others have ended; pieces not yet
  // started are then skipped.
  virtual void ParallelFor(size_t count, const std::function<void(size_t)>& run) = 0;
};

// The caller's thread alone. For tests and single-threaded statements.
class InlineExecutor final : public Executor {
 public:
  size_t threads() const override { return 1; }
  void ParallelFor(size_t count, const std::function<void(size_t)>& run) override;
};

class Clock {
 public:
  virtual ~Clock() = default;
  // Since the Unix epoch, for values that users see.
  virtual std::chrono::system_clock::time_point Now() const = 0;
  // Never goes back, for durations and deadlines.
  virtual std::chrono::steady_clock::time_point Monotonic() const = 0;
};

// The machine's clock. Lives as long as the program.
const Clock& SystemClock();

// How far a task is. Written by the task, read by anyone.
struct Progress {
  std::atomic<uint64_t> rows_done{0};
  std::atomic<uint64_t> rows_total{0};  // 0 while unknown
  std::atomic<uint64_t> bytes_done{0};
};

class TaskContext {
 public:
  // All references must outlive the context.
  struct Parts {
    Executor* executor = nullptr;                  // required
    MemoryTracker* memory = nullptr;               // required
    const Clock* clock = nullptr;                  // null: SystemClock()
    const CancelToken* cancel = nullptr;           // null: cannot be cancelled
    Progress* progress = nullptr;                  // null: progress is dropped
    std::function<void(const std::string&)> warn;  // empty: warnings are dropped; thread-safe
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    uint64_t seed = 0;  // of everything random in the task
  };
  explicit TaskContext(Parts parts);

  // Throws QUERY_WAS_CANCELLED or TIMEOUT_EXCEEDED. Cheap: call it at least every few milliseconds
  // of work, never per row.
  void CheckCancelled() const;
  bool cancelled() const { return parts_.cancel != nullptr && parts_.cancel->cancelled(); }

  Executor& executor() const { return *parts_.executor; }
  MemoryTracker& memory() const { return *parts_.memory; }
  const Clock& clock() const { return *parts_.clock; }
  uint64_t seed() const { return parts_.seed; }
  Progress& progress() const { return *parts_.progress; }
  void Warn(const std::string& message) const;

 private:
  Parts parts_;
  std::unique_ptr<Progress> own_progress_;
};

// Says for which task the calling thread works, until the end of the scope; scopes nest. Whoever
// runs a piece of a task opens one (a statement, a merge; executors carry that of the caller to
// their threads), so that what is deep below needs no argument for it: memory of columns is charged
// to the task, and functions over huge values check whether it has been cancelled.
class TaskScope {
 public:
  // The task outlives the scope. Null: for nobody, as what is kept in a cache.
  explicit TaskScope(const TaskContext* task);
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  // Null if there is none.
  static const TaskContext* current();

 private:
  const TaskContext* const outer_;
  MemoryAccount* const outer_account_;
};

// CheckCancelled of the current task, if there is one.
void CheckTaskCancelled();

// For loops over elements or bytes of which one row may have any number: counts work and checks
// after so much of it. A unit takes about a nanosecond.
class CancelCheck {
 public:
  static constexpr size_t kInterval = size_t{1} << 18;

  void After(size_t work) {
    done_ += work;
    if (done_ < kInterval) return;
    done_ = 0;
    CheckTaskCancelled();
  }

 private:
  size_t done_ = 0;
};

// run(begin, end) for consecutive stretches of [0, count), with a check between them. It is called
// in one place, so that a loop in it is compiled as if it stood alone.
template <class Run>
void ForStretches(size_t count, Run&& run) {
  constexpr size_t kStretch = size_t{1} << 16;
  for (size_t begin = 0; begin < count; begin += kStretch) {
    if (begin > 0) CheckTaskCancelled();
    run(begin, count - begin < kStretch ? count : begin + kStretch);
  }
}

}  // namespace granary
