// Lends objects that are dear to make to whichever threads work; a later borrower gets what an
// earlier one returned.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace granary {

// Thread-safe.
template <class Scratch>
class ScratchPool {
 public:
  // Calls run(scratch) with one that nobody else has; `make()` makes another.
  template <class Make, class Run>
  void With(Make&& make, Run&& run) {
    std::unique_ptr<Scratch> scratch = Take();
    if (scratch == nullptr) scratch = std::make_unique<Scratch>(make());
    run(*scratch);
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  std::unique_ptr<Scratch> Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return nullptr;
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Scratch>> free_;
};

}  // namespace granary
