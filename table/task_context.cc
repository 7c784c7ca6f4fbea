#include "granary/table/task_context.h"

#include <utility>

namespace granary {
namespace {

constinit thread_local const TaskContext* current_task = nullptr;

}  // namespace

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

TaskScope::TaskScope(const TaskContext* task)
    : outer_(current_task), outer_account_(CurrentAccount()) {
  current_task = task;
  CurrentAccount() = task == nullptr ? nullptr : &task->memory().account();
}

TaskScope::~TaskScope() {
  current_task = outer_;
  CurrentAccount() = outer_account_;
}

const TaskContext* TaskScope::current() { return current_task; }

void CheckTaskCancelled() {
  if (current_task != nullptr) current_task->CheckCancelled();
}

}  // namespace granary
