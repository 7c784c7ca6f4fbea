#include "granary/query/engine/removal_sweeper.h"

#include <chrono>
#include <utility>

#include "granary/merge/start_thread.h"

namespace granary {
namespace {

constexpr std::chrono::seconds kPause{1};

}  // namespace

RemovalSweeper::RemovalSweeper(DeferredRemovals* removals) : removals_(removals) {
  removals_->SetListener([this] { Wake(); });
  // The opening of the tables may have left something.
  if (removals_->Sweep() > 0) Wake();
}

RemovalSweeper::~RemovalSweeper() {
  removals_->SetListener({});
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RemovalSweeper::Wake() {
  const std::lock_guard lock(mutex_);
  has_work_ = true;
  if (!thread_.joinable()) StartIfPossible();
  changed_.notify_all();
}

// What wakes the sweeper has been done and cannot fail any more: without a thread, files that
// nobody reads stay until the next time, or until the database is opened again.
void RemovalSweeper::StartIfPossible() {
  try {
    thread_ = StartThread([this] { Run(); });
  } catch (const Error&) {
  }
}

void RemovalSweeper::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!std::exchange(has_work_, false)) {
      changed_.wait(lock, [&] { return stopping_ || has_work_; });
      continue;
    }
    changed_.wait_for(lock, kPause, [&] { return stopping_; });
    if (stopping_) return;
    lock.unlock();
    const bool is_done = removals_->Sweep() == 0;
    lock.lock();
    has_work_ |= !is_done;
  }
}

}  // namespace granary
