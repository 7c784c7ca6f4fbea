#include "granary/skipindex/vector_similarity/vector_codes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "granary/table/types.h"

namespace granary {
namespace {

template <class Element>
void Widen(const std::byte* row, size_t dimensions, float* out) {
  const auto* values = reinterpret_cast<const Element*>(row);
  constexpr float kMax = std::numeric_limits<float>::max();
  for (size_t i = 0; i < dimensions; ++i) {
    if constexpr (std::is_same_v<Element, double>) {
      out[i] = static_cast<float>(std::clamp<double>(values[i], -kMax, kMax));
    } else {
      out[i] = values[i];
    }
  }
}

}  // namespace

std::string_view QuantizationName(Quantization quantization) {
  switch (quantization) {
    case Quantization::kFloat32:
      return "f32";
    case Quantization::kBFloat16:
      return "bf16";
    case Quantization::kFloat16:
      return "f16";
    case Quantization::kInt8:
      break;
  }
  return "i8";
}

void Normalize(std::span<float> vector) {
  double sum = 0;
  for (float value : vector) sum += double{value} * value;
  if (sum == 0) return;
  const double scale = 1 / std::sqrt(sum);
  for (float& value : vector) value = static_cast<float>(value * scale);
}

void VectorReader::Read(size_t row, float* out) const {
  const std::byte* data = rows_.Row(row);
  switch (rows_.element) {
    case VectorElement::kFloat32:
      Widen<float>(data, rows_.dimensions, out);
      break;
    case VectorElement::kFloat64:
      Widen<double>(data, rows_.dimensions, out);
      break;
    case VectorElement::kBFloat16:
      Widen<BFloat16>(data, rows_.dimensions, out);
      break;
  }
  if (metric_ == Metric::kCosine) Normalize({out, rows_.dimensions});
}

}  // namespace granary
