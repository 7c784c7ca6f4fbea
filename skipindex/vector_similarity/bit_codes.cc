#include "granary/skipindex/vector_similarity/bit_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace granary {

size_t BitCodeStride(size_t dimensions) { return (dimensions / 8 + 7) / 8 * 8; }

void EncodeBits(std::span<const float> vector, std::byte* code) {
  std::memset(code, 0, BitCodeStride(vector.size()));
  bool is_zero = true;
  for (size_t i = 0; i < vector.size(); ++i) {
    is_zero = is_zero && vector[i] == 0;
    if (vector[i] > 0) code[i / 8] |= std::byte{1} << (i % 8);
  }
  if (is_zero) std::memset(code, 0x55, vector.size() / 8);
}

BitCodeScorer::BitCodeScorer(const DistanceKernels& kernels, const BitCodeRows& rows,
                             std::span<const float> query)
    : CodeScorer(rows.base, rows.stride_bytes, rows.dimensions / 8),
      rows_(rows),
      kernel_(kernels.hamming),
      query_(BitCodeStride(rows.dimensions)) {
  EncodeBits(query, query_.data());
}

void BitCodeScorer::Score(const uint32_t* row_ids, size_t count, uint32_t* keys) {
  kernel_({.base = rows_.base,
           .stride_bytes = rows_.stride_bytes,
           .dimensions = rows_.dimensions,
           .ids = row_ids,
           .count = count},
          query_.data(), keys);
}

float BitCodeScorer::Estimate(uint32_t key) const {
  const double angle = std::numbers::pi * key / static_cast<double>(rows_.dimensions);
  return static_cast<float>(1 - std::cos(angle));
}

uint32_t BitCodeScorer::KeyOf(float estimate) const {
  const double angle = std::acos(std::clamp(1 - double{estimate}, -1.0, 1.0));
  return static_cast<uint32_t>(
      std::lround(angle / std::numbers::pi * static_cast<double>(rows_.dimensions)));
}

// A bit differs with the probability p = angle / pi, and so the key of one row has the variance
// d * p * (1 - p). Two rows are compared, hence twice that.
uint32_t BitCodeScorer::KeyWithError(uint32_t key) const {
  constexpr double kDeviations = 2.5;
  const auto d = static_cast<double>(rows_.dimensions);
  const double share = std::clamp(key / d, 1 / d, 0.5);
  const auto error = static_cast<uint32_t>(kDeviations * std::sqrt(2 * d * share * (1 - share)));
  return std::min(key + error, static_cast<uint32_t>(rows_.dimensions));
}

}  // namespace granary
