// Loops over the rows of a column in vectors of 32 bytes where the CPU has them (AVX2): the engine
// is built for any CPU, and a comparison of 32-bit numbers takes half of the time so.
#pragma once

#include <cstddef>

#include "granary/table/task_context.h"

namespace granary {

template <class F>
void ForEachRowIn(size_t begin, size_t end, F body) {
  for (size_t row = begin; row < end; ++row) body(row);
}

#if defined(__x86_64__)
template <class F>
[[gnu::target("avx2")]] void ForEachRowInAvx2(size_t begin, size_t end, F body) {
  for (size_t row = begin; row < end; ++row) body(row);
}
#endif

// Calls body(row) for every row. For small bodies over arrays; they are compiled twice. `body` is
// copied, so that what it stores cannot be taken to change what it has captured.
template <class F>
void ForEachRowWide(size_t rows, F body) {
  ForStretches(rows, [&body](size_t begin, size_t end) {
#if defined(__x86_64__)
    static const bool has_avx2 = __builtin_cpu_supports("avx2");
    if (has_avx2) return ForEachRowInAvx2(begin, end, body);
#endif
    ForEachRowIn(begin, end, body);
  });
}

}  // namespace granary
