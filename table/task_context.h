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

namespace granary {

// Set once, from any thread; seen by every check afterwards.
class CancelToken {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

// Counts bytes against a limit, and against the limit of its parent if it has one. Thread-safe.
class MemoryTracker {
 public:
  // limit_bytes 0 means no limit of its own. The parent outlives the tracker.
  explicit MemoryTracker(size_t limit_bytes = 0, MemoryTracker* parent = nullptr)
      : limit_(limit_bytes), parent_(parent) {}
  ~MemoryTracker();
  MemoryTracker(const MemoryTracker&) = delete;
  MemoryTracker& operator=(const MemoryTracker&) = delete;

  // Throws MEMORY_LIMIT_EXCEEDED (and charges nothing) if a limit would be passed; `what` is named
  // in the message.
  void Charge(size_t bytes, const char* what);
  // False instead of an exception.
  bool TryCharge(size_t bytes);
  void Release(size_t bytes);

  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t peak() const { return peak_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }
  void set_limit(size_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<size_t> limit_;
  MemoryTracker* const parent_;
  std::atomic<size_t> used_{0};
  std::atomic<size_t> peak_{0};
};

// Holds a charge for a scope, and can grow. Not thread-safe.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  MemoryCharge(MemoryTracker& tracker, size_t bytes, const char* what);
  MemoryCharge(MemoryCharge&& other) noexcept;
  MemoryCharge& operator=(MemoryCharge&& other) noexcept;
  ~MemoryCharge() { Release(); }

  void Grow(size_t bytes, const char* what);
  void Release();
  size_t bytes() const { return bytes_; }

 private:
  MemoryTracker* tracker_ = nullptr;
  size_t bytes_ = 0;
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

}  // namespace granary
