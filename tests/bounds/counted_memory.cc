#include "granary/tests/bounds/counted_memory.h"

#include <atomic>
#include <cerrno>

#include <malloc.h>

namespace {

std::atomic<size_t> allocated{0};
std::atomic<size_t> peak{0};

}  // namespace

#ifdef GRANARY_COUNTS_MEMORY

extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* memory);
}

namespace {

constexpr size_t kBesideEach = sizeof(size_t);

void* Count(void* memory) {
  if (memory == nullptr) return nullptr;
  const size_t bytes = malloc_usable_size(memory) + kBesideEach;
  const size_t now = allocated.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  size_t most = peak.load(std::memory_order_relaxed);
  while (now > most && !peak.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
  return memory;
}

void Uncount(size_t usable) {
  allocated.fetch_sub(usable + kBesideEach, std::memory_order_relaxed);
}

}  // namespace

extern "C" {
void* malloc(size_t bytes) { return Count(__libc_malloc(bytes)); }
void* calloc(size_t count, size_t bytes) { return Count(__libc_calloc(count, bytes)); }
void* memalign(size_t alignment, size_t bytes) { return Count(__libc_memalign(alignment, bytes)); }
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  *memory = memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
void* realloc(void* memory, size_t bytes) {
  const size_t before = memory == nullptr ? 0 : malloc_usable_size(memory);
  void* const moved = __libc_realloc(memory, bytes);
  if (memory != nullptr && (moved != nullptr || bytes == 0)) Uncount(before);
  return Count(moved);
}
void free(void* memory) {
  if (memory == nullptr) return;
  Uncount(malloc_usable_size(memory));
  __libc_free(memory);
}
}

#endif

namespace granary {

size_t AllocatedBytes() { return allocated.load(std::memory_order_relaxed); }
size_t AllocatedPeak() { return peak.load(std::memory_order_relaxed); }
void ResetAllocatedPeak() { peak.store(AllocatedBytes(), std::memory_order_relaxed); }

}  // namespace granary
