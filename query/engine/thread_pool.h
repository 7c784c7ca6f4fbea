// The threads of a Database. A ParallelFor is a job in a queue: its caller works on it, idle
// workers help; nobody ever waits for a thread to become free, so calls may nest. Workers look at
// foreground jobs first and return to the queue after each piece of a background job.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "granary/table/task_context.h"

namespace granary {

class ThreadPool {
 public:
  enum class Priority { kForeground, kBackground };

  // `threads` counts a caller too: threads - 1 workers are started. At least 1.
  explicit ThreadPool(size_t threads);
  // No ParallelFor may be running.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t threads() const { return workers_.size() + 1; }

 private:
  friend class PoolExecutor;
  struct Job;

  void Run(size_t count, const std::function<void(size_t)>& run, Priority priority,
           size_t helpers_max);
  void WorkerLoop();
  void Stop();
  Job* NextJob();

  std::mutex mutex_;
  std::condition_variable work_available_;
  std::condition_variable helper_left_;
  std::list<Job*> jobs_[2];  // by priority
  bool stopping_ = false;

  std::vector<std::thread> workers_;
};

// A view of the pool for one statement or for background work.
class PoolExecutor final : public Executor {
 public:
  // threads_max 0: as many as the pool has.
  PoolExecutor(ThreadPool* pool, ThreadPool::Priority priority, size_t threads_max = 0);

  size_t threads() const override { return threads_; }
  void ParallelFor(size_t count, const std::function<void(size_t)>& run) override;

 private:
  ThreadPool* pool_;
  ThreadPool::Priority priority_;
  size_t threads_;
};

}  // namespace granary
