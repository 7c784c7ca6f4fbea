// Codes that are floats: f64, f32, bf16 and f16, in rows of their own or, where the declared code
// is the column's own type, the rows of the column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/vector_codes.h"

namespace granary {

// Rows of float codes in memory or in a mapped file.
struct FloatCodeRows {
  const std::byte* base = nullptr;
  size_t stride_bytes = 0;
  size_t dimensions = 0;
  RowElement element = RowElement::kFloat32;
  // Under kCosine for rows that are not of length 1: 1 / length of each, 0 for a zero vector.
  const float* inverse_lengths = nullptr;
};

// The element type of a float quantization.
RowElement CodeElement(Quantization quantization);
// Bytes from one row of codes to the next.
size_t FloatCodeStride(Quantization quantization, size_t dimensions);
// Writes the code of a vector as VectorReader reads it, FloatCodeStride bytes with the rest 0.
// Values beyond the range of the type become its largest.
void EncodeFloats(Quantization quantization, std::span<const float> vector, std::byte* code);

class FloatCodeScorer final : public CodeScorer {
 public:
  // `query` as it is, of which the scorer keeps a copy. Rows of kFloat64 are measured in double,
  // all others in float.
  FloatCodeScorer(const DistanceKernels& kernels, Metric metric, const FloatCodeRows& rows,
                  std::span<const double> query);

  void Score(const uint32_t* row_ids, size_t count, uint32_t* keys) override;
  float Estimate(uint32_t key) const override { return KeyToFloat(key); }
  uint32_t KeyOf(float estimate) const override { return FloatToKey(estimate); }
  uint32_t KeyWithError(uint32_t key) const override;

 private:
  void Sum(const RowSet& rows, float* sums) const;

  const FloatCodeRows rows_;
  const Metric metric_;
  const DistanceKernels::Float kernel_;
  const DistanceKernels::Double double_kernel_;
  std::vector<double> double_query_;  // of length 1 under kCosine
  std::vector<float> query_;          // the same
  float query_length_ = 0;
};

}  // namespace granary
