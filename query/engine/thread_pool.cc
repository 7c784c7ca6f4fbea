#include "granary/query/engine/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>

#include "granary/merge/start_thread.h"

namespace granary {

// Lives on the stack of its caller, which leaves only when no helper works on it any more.
struct ThreadPool::Job {
  const std::function<void(size_t)>& run;
  const size_t count;
  const size_t helpers_max;
  const bool background;
  const TaskContext* const task;  // of the caller
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  size_t helpers = 0;            // guarded by the pool's mutex
  std::exception_ptr exception;  // guarded by the pool's mutex

  bool exhausted() const {
    return failed.load(std::memory_order_relaxed) || next.load(std::memory_order_relaxed) >= count;
  }

  // Runs one piece; false if there was none left.
  bool RunPiece(std::mutex& mutex) {
    if (failed.load(std::memory_order_relaxed)) return false;
    const size_t piece = next.fetch_add(1, std::memory_order_relaxed);
    if (piece >= count) return false;
    try {
      run(piece);
    } catch (...) {
      std::lock_guard lock(mutex);
      if (!exception) exception = std::current_exception();
      failed.store(true, std::memory_order_relaxed);
    }
    return true;
  }
};

ThreadPool::ThreadPool(size_t threads) {
  try {
    for (size_t worker = 1; worker < threads; ++worker) {
      std::thread& started = workers_.emplace_back();
      started = StartThread([this] { WorkerLoop(); });
    }
  } catch (...) {
    Stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_available_.notify_all();
  for (std::thread& worker : workers_) {
    if (worker.joinable()) worker.join();
  }
}

void ThreadPool::Run(size_t count, const std::function<void(size_t)>& run, Priority priority,
                     size_t helpers_max) {
  Job job{run, count, std::min(helpers_max, count - 1), priority == Priority::kBackground,
          TaskScope::current()};
  auto& queue = jobs_[static_cast<size_t>(priority)];
  {
    std::lock_guard lock(mutex_);
    queue.push_back(&job);
  }
  for (size_t helper = 0; helper < job.helpers_max; ++helper) work_available_.notify_one();
  while (job.RunPiece(mutex_)) {
  }
  std::unique_lock lock(mutex_);
  queue.remove(&job);
  helper_left_.wait(lock, [&] { return job.helpers == 0; });
  if (job.exception) std::rethrow_exception(job.exception);
}

ThreadPool::Job* ThreadPool::NextJob() {
  for (auto& queue : jobs_) {
    for (Job* job : queue) {
      if (job->helpers < job->helpers_max && !job->exhausted()) return job;
    }
  }
  return nullptr;
}

void ThreadPool::WorkerLoop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Job* job = nullptr;
    work_available_.wait(lock, [&] { return stopping_ || (job = NextJob()) != nullptr; });
    if (job == nullptr) return;
    ++job->helpers;
    lock.unlock();
    {
      const TaskScope scope(job->task);
      while (job->RunPiece(mutex_) && !job->background) {
      }
    }
    lock.lock();
    --job->helpers;
    helper_left_.notify_all();
  }
}

PoolExecutor::PoolExecutor(ThreadPool* pool, ThreadPool::Priority priority, size_t threads_max)
    : pool_(pool),
      priority_(priority),
      threads_(threads_max == 0 ? pool->threads() : std::min(threads_max, pool->threads())) {}

void PoolExecutor::ParallelFor(size_t count, const std::function<void(size_t)>& run) {
  if (count == 0) return;
  if (count == 1 || threads_ == 1) {
    for (size_t piece = 0; piece < count; ++piece) run(piece);
    return;
  }
  pool_->Run(count, run, priority_, threads_ - 1);
}

}  // namespace granary
