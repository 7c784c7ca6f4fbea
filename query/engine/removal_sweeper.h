// Deletes what readers in other processes no longer need, while nothing else is deleted that would
// look at it (DeferredRemovals). Its thread exists from the first directory that has to wait on and
// looks once a second while any does. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "granary/parts/deferred_removals.h"

namespace granary {

class RemovalSweeper {
 public:
  // Becomes the listener of `removals`, which outlives the object.
  explicit RemovalSweeper(DeferredRemovals* removals);
  // Nothing may be removed meanwhile.
  ~RemovalSweeper();
  RemovalSweeper(const RemovalSweeper&) = delete;
  RemovalSweeper& operator=(const RemovalSweeper&) = delete;

 private:
  void Wake();
  void StartIfPossible();
  void Run();

  DeferredRemovals* const removals_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_work_ = false;  // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;     // started under mutex_
};

}  // namespace granary
