// What this program has allocated: counted by its own malloc, which stands in for the C library's.
// Bytes as the system's allocator takes them. Sanitizers bring a malloc of their own: with them
// nothing is counted.
#pragma once

#include <cstddef>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define GRANARY_COUNTS_MEMORY
#endif

namespace granary {

// Now.
size_t AllocatedBytes();
// The most since the last call of ResetAllocatedPeak.
size_t AllocatedPeak();
void ResetAllocatedPeak();

}  // namespace granary
