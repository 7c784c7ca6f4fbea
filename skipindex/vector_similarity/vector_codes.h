// What a graph walk measures instead of the vectors themselves: a vector is made comparable by
// squared L2 distance or dot product (VectorSpace), and then written as a code. The graph knows
// neither: it only sees a CodeScorer, which gives keys for row numbers, smaller is nearer.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "granary/skipindex/distance/kernels.h"
#include "granary/skipindex/metric.h"
#include "granary/table/byte_stream.h"
#include "granary/table/vector_rows.h"

namespace granary {

// The declared quantization of an index.
enum class Quantization : uint8_t {
  kFloat32 = 0,
  kBFloat16 = 1,
  kFloat16 = 2,
  kInt8 = 3,
  kFloat64 = 4,
  kBit = 5
};
inline constexpr Quantization kQuantizations[] = {Quantization::kFloat64, Quantization::kFloat32,
                                                  Quantization::kFloat16, Quantization::kBFloat16,
                                                  Quantization::kInt8,    Quantization::kBit};

// Its name in SQL, for example "bf16".
std::string_view QuantizationName(Quantization quantization);

// An order-preserving key of a float, and back; never NaN, which a damaged code can be.
inline uint32_t FloatToKey(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return bits ^ ((bits >> 31) != 0 ? 0xFFFFFFFF : 0x80000000);
}
inline float KeyToFloat(uint32_t key) {
  constexpr uint32_t kInfinityKey = 0xFF800000;
  key = std::clamp(key, ~kInfinityKey, kInfinityKey);
  return std::bit_cast<float>(key ^ ((key >> 31) != 0 ? 0x80000000 : 0xFFFFFFFF));
}

// Measures rows against the one query it was made for. Not thread-safe.
class CodeScorer {
 public:
  virtual ~CodeScorer() = default;

  // keys[i] orders row row_ids[i] by its distance: smaller is nearer. Every id is below the number
  // of rows.
  virtual void Score(const uint32_t* row_ids, size_t count, uint32_t* keys) = 0;
  // The estimate that a key stands for: the squared L2 distance, the cosine distance, or minus the
  // dot product.
  virtual float Estimate(uint32_t key) const = 0;
  // The key whose estimate this is, or one beside it.
  virtual uint32_t KeyOf(float estimate) const = 0;
  // A key beyond which hardly any row is in truth nearer than one of this key: rows up to it must
  // be measured exactly to find the nearest. At least `key`; the largest where the error of the
  // code is not known.
  virtual uint32_t KeyWithError(uint32_t key) const = 0;

  // Where the code of row r begins, for prefetching: base + r * stride_bytes.
  const std::byte* base() const { return base_; }
  size_t stride_bytes() const { return stride_bytes_; }
  size_t code_bytes() const { return code_bytes_; }

 protected:
  CodeScorer(const std::byte* base, size_t stride_bytes, size_t code_bytes)
      : base_(base), stride_bytes_(stride_bytes), code_bytes_(code_bytes) {}

 private:
  const std::byte* base_;
  size_t stride_bytes_;
  size_t code_bytes_;
};

// Reads stored vectors as finite floats, divided by their length under kCosine (a zero vector stays
// zero).
class VectorReader {
 public:
  VectorReader(const VectorRows& rows, Metric metric) : rows_(rows), metric_(metric) {}
  // out has rows().dimensions values.
  void Read(size_t row, float* out) const;
  // False if distances in float to this row, or what Read gives, may be off by more than rounding:
  // it has values of a magnitude whose squares, or which themselves, floats do not have.
  bool IsNearlyExact(size_t row) const;
  const VectorRows& rows() const { return rows_; }
  Metric metric() const { return metric_; }

 private:
  VectorRows rows_;
  Metric metric_;
};

// Whether sums of products of values of this magnitude are precise in float, with room for lengths.
bool HasSquaresInFloat(double value);

// Divides by the length; a zero vector stays zero.
void Normalize(std::span<float> vector);

}  // namespace granary
