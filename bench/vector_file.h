// Vector files as used by the benchmarks: .fvecs and .ivecs, one record per vector, each a 32-bit
// dimension and as many 32-bit values, little-endian; all records of one dimension.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace granary::bench {

template <class T>
struct VectorFile {
  size_t rows = 0;
  size_t dimensions = 0;
  std::vector<T> values;  // row after row

  std::span<const T> Row(size_t row) const {
    return {values.data() + row * dimensions, dimensions};
  }
};

using FloatVectors = VectorFile<float>;
using RowLists = VectorFile<int32_t>;

// Throw std::runtime_error, which names the file, if it cannot be read or is not of the format.
FloatVectors ReadFvecs(const std::string& path);
RowLists ReadIvecs(const std::string& path);

void WriteIvecs(const std::string& path, const RowLists& lists);

}  // namespace granary::bench
