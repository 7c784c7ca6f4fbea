#include "failing_allocations.h"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace granary::testing {
namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

std::atomic<bool> is_armed{false};
std::atomic<uint64_t> allocations{0};
std::atomic<uint64_t> first_to_fail{kNever};
std::atomic<bool> all_later_fail{false};

}  // namespace

FailingAllocations::FailingAllocations(uint64_t first, bool all_later) {
  allocations.store(0);
  first_to_fail.store(first);
  all_later_fail.store(all_later);
  is_armed.store(true);
}

FailingAllocations::~FailingAllocations() { is_armed.store(false); }

uint64_t FailingAllocations::seen() { return allocations.load(); }

void FailIfItIsTime() {
  if (!is_armed.load(std::memory_order_relaxed)) return;
  const uint64_t number = allocations.fetch_add(1, std::memory_order_relaxed);
  const uint64_t first = first_to_fail.load(std::memory_order_relaxed);
  if (number == first || (number > first && all_later_fail.load(std::memory_order_relaxed))) {
    throw std::bad_alloc();
  }
}

}  // namespace granary::testing

void* operator new(size_t bytes) {
  granary::testing::FailIfItIsTime();
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  granary::testing::FailIfItIsTime();
  const size_t align = static_cast<size_t>(alignment);
  if (void* memory = std::aligned_alloc(align, (bytes + align - 1) / align * align)) return memory;
  throw std::bad_alloc();
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return operator new(bytes, alignment);
}
// Those too, as a sanitizer's own would not fit the delete below.
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](size_t bytes, const std::nothrow_t& tag) noexcept {
  return operator new(bytes, tag);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
