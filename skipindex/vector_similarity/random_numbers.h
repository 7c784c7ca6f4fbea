// Random numbers that are the same everywhere.
#pragma once

#include <cstdint>

namespace granary {

// splitmix64 (Steele et al. 2014): the next number after x, and a hash of x.
inline uint64_t MixBits(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

}  // namespace granary
