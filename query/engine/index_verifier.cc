#include "granary/query/engine/index_verifier.h"

#include <new>
#include <utility>

#include "granary/merge/start_thread.h"
#include "granary/table/out_of_memory.h"

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace granary {
namespace {

// On Linux a priority is a matter of single threads; elsewhere this one is like the others.
void TakeLowestPriority() {
#if defined(__linux__)
  constexpr int kLowest = 19;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowest);
#endif
}

TaskContext::Parts WithCancel(TaskContext::Parts task, const CancelToken* cancel) {
  task.cancel = cancel;
  return task;
}

}  // namespace

IndexVerifier::IndexVerifier(TaskContext::Parts task)
    : task_(WithCancel(std::move(task), &cancel_)) {}

IndexVerifier::~IndexVerifier() {
  cancel_.Cancel();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void IndexVerifier::Verify(std::weak_ptr<const Part> part) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(part));
  if (!thread_.joinable()) StartIfPossible();
  changed_.notify_all();
}

// A search that has opened an index does not fail for want of a thread: what waits is verified once
// there is one.
void IndexVerifier::StartIfPossible() {
  try {
    thread_ = StartThread([this] { Run(); });
  } catch (const Error& error) {
    task_.Warn("Indexes are not verified for now: " + error.message());
  }
}

void IndexVerifier::Run() {
  TakeLowestPriority();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    const std::weak_ptr<const Part> part = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    VerifyNow(part);
    lock.lock();
  }
}

void IndexVerifier::VerifyNow(const std::weak_ptr<const Part>& weak) {
  const PartPtr part = weak.lock();
  if (part == nullptr) return;
  try {
    try {
      part->Warm(true, task_);
    } catch (const Error& error) {
      if (!task_.cancelled()) {
        task_.Warn("The indexes of part " + part->name_text() +
                   " could not be verified: " + error.message());
      }
    }
  } catch (const std::bad_alloc&) {
    task_.Warn(OutOfMemoryError().message());
  }
}

}  // namespace granary
