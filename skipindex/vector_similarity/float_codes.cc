#include "granary/skipindex/vector_similarity/float_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "granary/skipindex/distance/kernel_variants.h"
#include "granary/table/types.h"

namespace granary {
namespace {

constexpr float kBFloat16Max = 0x1.FEp127f;
constexpr float kFloat16Max = 65504;
constexpr size_t kBatch = 64;  // rows that are measured at once

float NearestFloat(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kMax, kMax));
}

size_t ElementBytes(RowElement element) {
  if (element == RowElement::kFloat64) return 8;
  return element == RowElement::kFloat32 ? 4 : 2;
}

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
    case Quantization::kFloat64:
    case Quantization::kInt8:
    case Quantization::kBit:
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
                                 const FloatCodeRows& rows, std::span<const double> query)
    : CodeScorer(rows.base, rows.stride_bytes, rows.dimensions * ElementBytes(rows.element)),
      rows_(rows),
      metric_(metric),
      kernel_(metric == Metric::kL2 ? kernels.l2_squared[static_cast<size_t>(rows.element)]
                                    : kernels.dot[static_cast<size_t>(rows.element)]),
      double_kernel_(metric == Metric::kL2
                         ? kernels.l2_squared_double[static_cast<size_t>(rows.element)]
                         : kernels.dot_double[static_cast<size_t>(rows.element)]),
      double_query_(query.begin(), query.end()) {
  double sum = 0;
  for (double value : query) sum += value * value;
  const double length = std::sqrt(sum);
  if (metric == Metric::kCosine && sum > 0) {
    for (double& value : double_query_) value /= length;
  }
  query_.assign(double_query_.begin(), double_query_.end());
  query_length_ = static_cast<float>(metric == Metric::kCosine ? 1 : length);
}

void FloatCodeScorer::Sum(const RowSet& rows, float* sums) const {
  if (rows_.element != RowElement::kFloat64) return kernel_(rows, query_.data(), sums);
  double double_sums[kBatch];
  double_kernel_(rows, double_query_.data(), double_sums);
  for (size_t i = 0; i < rows.count; ++i) sums[i] = NearestFloat(double_sums[i]);
}

void FloatCodeScorer::Score(const uint32_t* row_ids, size_t count, uint32_t* keys) {
  float sums[kBatch];
  for (size_t first = 0; first < count; first += kBatch) {
    const size_t batch = std::min(kBatch, count - first);
    const uint32_t* ids = row_ids + first;
    Sum({.base = rows_.base,
         .stride_bytes = rows_.stride_bytes,
         .dimensions = rows_.dimensions,
         .ids = ids,
         .count = batch},
        sums);
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
  if (rows_.element == RowElement::kFloat16 || metric_ == Metric::kDotProduct) return UINT32_MAX;
  // Of one unit in the last place, relative to a value. Rows near the query are about as long. What
  // was summed in double is a float as a key.
  const float unit = rows_.element == RowElement::kBFloat16 ? 0x1p-8f : 0x1p-23f;
  const float distance = KeyToFloat(key);
  const float error =
      metric_ == Metric::kL2 ? 2 * unit * query_length_ * std::sqrt(distance) : 2 * unit;
  const float limit = distance + error;
  return limit >= distance ? FloatToKey(limit) : UINT32_MAX;
}

}  // namespace granary
