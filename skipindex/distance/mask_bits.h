// Masks of AVX-512 as numbers.
#pragma once

#if defined(__x86_64__)

#include <cstdint>

#include <immintrin.h>

namespace granary {

// GCC 12 may spill a mask as 16 bits and read it back as 32: its upper bits are not to be trusted.
inline uint32_t BitsOf(__mmask16 mask) {
  uint32_t bits = mask;
  asm("" : "+r"(bits));
  return bits & 0xFFFF;
}

}  // namespace granary

#endif
