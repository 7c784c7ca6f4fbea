// An operator new of this program's own, that fails when it is told to: in every thread, as if the
// process had no more memory.
#pragma once

#include <cstdint>

namespace granary::testing {

// As long as it lives, allocation number `first` from now on (from 0) throws std::bad_alloc; with
// `all_later` so does every one behind it. One at a time.
class FailingAllocations {
 public:
  explicit FailingAllocations(uint64_t first, bool all_later = false);
  ~FailingAllocations();
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;

  // Allocations that the last object of this class has seen, those that failed included.
  static uint64_t seen();
};

}  // namespace granary::testing
