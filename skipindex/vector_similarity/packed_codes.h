// Distances of many rows to many others at once, as fast as the processor multiplies: the columns
// are packed once, and then rows meet them in numbers. What a scorer measures pair by pair, this
// does an order of magnitude faster, if every pair is wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/distance/kernels.h"
#include "granary/skipindex/vector_similarity/byte_codes.h"

namespace granary {

// Not thread-safe; keeps its memory between calls.
class PackedCodes {
 public:
  static constexpr size_t kRowsAtOnce = 24;
  static constexpr size_t kWantedMax = PackedRows::kBlockRows;

  PackedCodes(const DistanceKernels& kernels, const ByteCodeRows& codes);

  void SetColumns(std::span<const uint32_t> columns);
  // Measures at most kRowsAtOnce rows against the columns.
  void Measure(std::span<const uint32_t> rows);

  // Distances of rows[i] to the columns, as ByteCodeScorer gives them.
  std::span<const uint32_t> KeysOf(size_t i) const { return {Keys(i), columns_}; }
  // Places among the columns, ascending: the nearest to rows[i] with all that are as near, and a
  // few more. At least `wanted`, which is at most kWantedMax, if there are as many columns.
  std::span<const uint32_t> NearestTo(size_t i, size_t wanted);

  // Bytes that it holds for so many columns.
  static size_t ByteSize(size_t columns, const ByteCodeRows& codes);

 private:
  size_t PaddedColumns() const { return blocks_ * PackedRows::kBlockRows; }
  const uint32_t* Keys(size_t i) const { return keys_.data() + i * PaddedColumns(); }
  void Scale(uint32_t row, uint32_t* keys) const;

  const DistanceKernels& kernels_;
  const ByteCodeRows codes_;
  const size_t quads_;
  size_t columns_ = 0;
  size_t blocks_ = 0;
  std::vector<uint8_t> packed_;
  std::vector<uint32_t> offsets_;      // of the columns
  std::vector<ScaledTail> tails_;      // of the columns, if scaled
  std::vector<uint32_t> column_rows_;  // if the vectors are measured, not their codes
  std::vector<int8_t> row_bytes_;
  std::vector<uint32_t> row_offsets_;
  std::vector<uint32_t> keys_;  // of each row, PaddedColumns() of them
  std::vector<uint32_t> places_;
};

}  // namespace granary
