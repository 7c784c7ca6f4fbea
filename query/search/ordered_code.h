// Numbers as unsigned integers of the same order, so that sorting and bounded heaps compare with
// one instruction. -0 and 0 have one code; NaN is the caller's business.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace granary {

template <class T>
uint64_t OrderedCode(T value) {
  constexpr uint64_t kSignBit = uint64_t{1} << 63;
  if constexpr (std::is_integral_v<T>) {
    if constexpr (std::is_signed_v<T>) {
      return static_cast<uint64_t>(static_cast<int64_t>(value)) ^ kSignBit;
    } else {
      return value;
    }
  } else {
    const uint64_t bits = std::bit_cast<uint64_t>(static_cast<double>(value) + 0.0);
    return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
  }
}

}  // namespace granary
