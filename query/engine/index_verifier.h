// Verifies graphs behind the back of searches. A large graph is not read when it is opened: damage
// in it costs recall at worst. The first search through it hands its part over to this object,
// whose thread reads the indexes of the part at the lowest priority; a damaged one is not used from
// then on, and a warning says so. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "granary/parts/part.h"
#include "granary/table/task_context.h"

namespace granary {

class IndexVerifier {
 public:
  // `task` has the executor, memory and warnings to work with; what it refers to outlives the
  // object.
  explicit IndexVerifier(TaskContext::Parts task);
  // Cancels, and waits for it; a few milliseconds.
  ~IndexVerifier();
  IndexVerifier(const IndexVerifier&) = delete;
  IndexVerifier& operator=(const IndexVerifier&) = delete;

  // Returns at once. A part that is gone before its turn is left out. The first call starts the
  // thread.
  void Verify(std::weak_ptr<const Part> part);

 private:
  void StartIfPossible();
  void Run();
  void VerifyNow(const std::weak_ptr<const Part>& part);

  CancelToken cancel_;
  const TaskContext task_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::weak_ptr<const Part>> waiting_;  // guarded by mutex_
  bool stopping_ = false;                          // guarded by mutex_
  std::thread thread_;                             // started under mutex_
};

}  // namespace granary
