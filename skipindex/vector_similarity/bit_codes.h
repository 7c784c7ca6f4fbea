// 1-bit codes under cosineDistance: of each dimension whether it is above 0. Two vectors at an
// angle differ in about angle / pi of their bits. Such keys are coarse, so that a search on them
// proposes more rows than one on other codes (CandidatesMax).
//
// The code of a row: a bit per dimension, the lowest of each byte first, then zeros up to a
// multiple of 8 bytes. A zero vector, which has no direction, has every other bit: it is then about
// as far from all others as at a right angle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/vector_codes.h"

namespace granary {

// Rows of codes in memory or in a mapped file.
struct BitCodeRows {
  const std::byte* base = nullptr;
  size_t stride_bytes = 0;
  size_t dimensions = 0;  // a multiple of 8
};

// Bytes from one row of codes to the next.
size_t BitCodeStride(size_t dimensions);
// Writes the code of a vector, BitCodeStride bytes.
void EncodeBits(std::span<const float> vector, std::byte* code);

class BitCodeScorer final : public CodeScorer {
 public:
  BitCodeScorer(const DistanceKernels& kernels, const BitCodeRows& rows,
                std::span<const float> query);

  void Score(const uint32_t* row_ids, size_t count, uint32_t* keys) override;
  float Estimate(uint32_t key) const override;
  uint32_t KeyOf(float estimate) const override;
  uint32_t KeyWithError(uint32_t key) const override;

 private:
  const BitCodeRows rows_;
  const DistanceKernels::Bits kernel_;
  std::vector<std::byte> query_;
};

}  // namespace granary
