#include "granary/skipindex/vector_similarity/float_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "granary/skipindex/distance/kernel_variants.h"
#include "granary/table/types.h"

namespace granary {
namespace {

constexpr float kBFloat16Max = 0x1.FEp127f;
constexpr float kFloat16Max = 65504;

size_t ElementBytes(RowElement element) { return element == RowElement::kFloat32 ? 4 : 2; }

template <class Code, class F>
void EncodeEach(std::span<const float> vector, std::byte* code, F&& encode) {
  for (size_t i = 0; i < vector.size(); ++i) {
    const Code value = encode(vector[i]);
    std::memcpy(code + i * sizeof(Code), &value, sizeof(Code));
  }
}

}  // namespace

RowElement CodeElement(Quantization quantization) {
  switch (quantization) {
    case Quantization::kBFloat16:
      return RowElement::kBFloat16;
    case Quantization::kFloat16:
      return RowElement::kFloat16;
    case Quantization::kFloat32:
    case Quantization::kInt8:
      break;
  }
  return RowElement::kFloat32;
}

size_t FloatCodeStride(Quantization quantization, size_t dimensions) {
  return (dimensions * ElementBytes(CodeElement(quantization)) + 31) / 32 * 32;
}

void EncodeFloats(Quantization quantization, std::span<const float> vector, std::byte* code) {
  std::memset(code, 0, FloatCodeStride(quantization, vector.size()));
  switch (CodeElement(quantization)) {
    case RowElement::kBFloat16:
      return EncodeEach<uint16_t>(vector, code, [](float value) {
        return BFloat16(std::clamp(value, -kBFloat16Max, kBFloat16Max)).bits;
      });
    case RowElement::kFloat16:
      return EncodeEach<Float16Bits>(vector, code, [](float value) {
        return FloatToFloat16(std::clamp(value, -kFloat16Max, kFloat16Max));
      });
    case RowElement::kFloat32:
    case RowElement::kFloat64:
      return EncodeEach<float>(vector, code, [](float value) { return value; });
  }
}

FloatCodeScorer::FloatCodeScorer(const DistanceKernels& kernels, Metric metric,
                                 const FloatCodeRows& rows, std::span<const float> query)
    : CodeScorer(rows.base, rows.stride_bytes, rows.dimensions * ElementBytes(rows.element)),
      rows_(rows),
      metric_(metric),
      kernel_(metric == Metric::kL2 ? kernels.l2_squared[static_cast<size_t>(rows.element)]
                                    : kernels.dot[static_cast<size_t>(rows.element)]),
      query_(query.begin(), query.end()) {
  if (metric == Metric::kCosine) Normalize(query_);
  double sum = 0;
  for (float value : query_) sum += double{value} * value;
  query_length_ = static_cast<float>(std::sqrt(sum));
}

void FloatCodeScorer::Score(const uint32_t* row_ids, size_t count, uint32_t* keys) {
  constexpr size_t kBatch = 64;
  float sums[kBatch];
  for (size_t first = 0; first < count; first += kBatch) {
    const size_t batch = std::min(kBatch, count - first);
    const uint32_t* ids = row_ids + first;
    kernel_({.base = rows_.base,
             .stride_bytes = rows_.stride_bytes,
             .dimensions = rows_.dimensions,
             .ids = ids,
             .count = batch},
            query_.data(), sums);
    if (metric_ == Metric::kDotProduct) {
      for (size_t i = 0; i < batch; ++i) sums[i] = -sums[i];
    } else if (metric_ == Metric::kCosine) {
      if (rows_.inverse_lengths != nullptr) {
        for (size_t i = 0; i < batch; ++i) sums[i] *= rows_.inverse_lengths[ids[i]];
      }
      for (size_t i = 0; i < batch; ++i) sums[i] = 1 - sums[i];
    }
    for (size_t i = 0; i < batch; ++i) keys[first + i] = FloatToKey(sums[i]);
  }
}

uint32_t FloatCodeScorer::KeyWithError(uint32_t key) const {
  const bool known =
      rows_.element == RowElement::kFloat32 || rows_.element == RowElement::kBFloat16;
  if (!known || metric_ == Metric::kDotProduct) return UINT32_MAX;
  // Of one unit in the last place, relative to a value. Rows near the query are about as long.
  const float unit = rows_.element == RowElement::kFloat32 ? 0x1p-23f : 0x1p-8f;
  const float distance = KeyToFloat(key);
  const float error =
      metric_ == Metric::kL2 ? 2 * unit * query_length_ * std::sqrt(distance) : 2 * unit;
  const float limit = distance + error;
  return limit >= distance ? FloatToKey(limit) : UINT32_MAX;
}

}  // namespace granary
