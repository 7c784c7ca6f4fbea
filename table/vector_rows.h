// A view of vectors stored row by row with a fixed stride: the one form in which vectors reach
// skip indexes, distance kernels and re-ranking, whether they lie in a memory-mapped column file,
// in a column in memory or in the caller's buffer. Owns nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace granary {

enum class VectorElement : uint8_t { kFloat32 = 0, kFloat64 = 1, kBFloat16 = 2 };

inline size_t VectorElementBytes(VectorElement element) {
  return element == VectorElement::kFloat64 ? 8 : element == VectorElement::kFloat32 ? 4 : 2;
}

struct VectorRows {
  const std::byte* base = nullptr;
  size_t stride_bytes = 0;  // from one row to the next; at least dimensions * element bytes
  size_t rows = 0;
  size_t dimensions = 0;
  VectorElement element = VectorElement::kFloat32;

  const std::byte* Row(size_t row) const { return base + row * stride_bytes; }
  const float* FloatRow(size_t row) const { return reinterpret_cast<const float*>(Row(row)); }
  VectorRows Slice(size_t first_row, size_t count) const {
    return {base + first_row * stride_bytes, stride_bytes, count, dimensions, element};
  }
};

}  // namespace granary
