#include "granary/table/task_context.h"

#include <utility>

namespace granary {

MemoryTracker::~MemoryTracker() {
  if (parent_ != nullptr) parent_->Release(used());
}

void MemoryTracker::Charge(size_t bytes, const char* what) {
  if (TryCharge(bytes)) return;
  const MemoryTracker* full = this;
  while (full->parent_ != nullptr &&
         (full->limit() == 0 || full->used() + bytes <= full->limit())) {
    full = full->parent_;
  }
  throw Error(ErrorCode::kMemoryLimitExceeded,
              std::string("Memory limit exceeded: ") + what + " needs " + std::to_string(bytes) +
                  " bytes more, " + std::to_string(full->used()) + " are in use and the limit is " +
                  std::to_string(full->limit()) +
                  "; raise max_memory_usage or the memory limit of the database, or let the "
                  "statement handle less data");
}

bool MemoryTracker::TryCharge(size_t bytes) {
  const size_t now = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  const size_t most = limit();
  if ((most != 0 && now > most) || (parent_ != nullptr && !parent_->TryCharge(bytes))) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  size_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return true;
}

void MemoryTracker::Release(size_t bytes) {
  used_.fetch_sub(bytes, std::memory_order_relaxed);
  if (parent_ != nullptr) parent_->Release(bytes);
}

MemoryCharge::MemoryCharge(MemoryTracker& tracker, size_t bytes, const char* what)
    : tracker_(&tracker) {
  Grow(bytes, what);
}

MemoryCharge::MemoryCharge(MemoryCharge&& other) noexcept
    : tracker_(std::exchange(other.tracker_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryCharge& MemoryCharge::operator=(MemoryCharge&& other) noexcept {
  if (this != &other) {
    Release();
    tracker_ = std::exchange(other.tracker_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

void MemoryCharge::Grow(size_t bytes, const char* what) {
  tracker_->Charge(bytes, what);
  bytes_ += bytes;
}

void MemoryCharge::Release() {
  if (tracker_ != nullptr) tracker_->Release(std::exchange(bytes_, 0));
}

void InlineExecutor::ParallelFor(size_t count, const std::function<void(size_t)>& run) {
  for (size_t i = 0; i < count; ++i) run(i);
}

const Clock& SystemClock() {
  class MachineClock final : public Clock {
   public:
    std::chrono::system_clock::time_point Now() const override {
      return std::chrono::system_clock::now();
    }
    std::chrono::steady_clock::time_point Monotonic() const override {
      return std::chrono::steady_clock::now();
    }
  };
  static const MachineClock clock;
  return clock;
}

TaskContext::TaskContext(Parts parts) : parts_(std::move(parts)) {
  if (parts_.clock == nullptr) parts_.clock = &SystemClock();
  if (parts_.progress == nullptr) {
    own_progress_ = std::make_unique<Progress>();
    parts_.progress = own_progress_.get();
  }
}

void TaskContext::CheckCancelled() const {
  if (cancelled()) throw Error(ErrorCode::kQueryWasCancelled, "The statement was cancelled");
  if (parts_.deadline != std::chrono::steady_clock::time_point::max() &&
      parts_.clock->Monotonic() > parts_.deadline) {
    throw Error(ErrorCode::kTimeoutExceeded,
                "The statement ran longer than max_execution_time allows");
  }
}

void TaskContext::Warn(const std::string& message) const {
  if (parts_.warn) parts_.warn(message);
}

}  // namespace granary
