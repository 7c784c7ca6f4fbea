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
    case Quantization::kFloat64:
      return "f64";
    case Quantization::kBit:
      return "b1";
    case Quantization::kInt8:
      break;
  }
  return "i8";
}

bool HasSquaresInFloat(double value) { return value > 1e-16 && value < 1e16; }

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

bool VectorReader::IsNearlyExact(size_t row) const {
  double largest = 0;
  const auto look_at = [&]<class Element>(const Element* values) {
    for (size_t i = 0; i < rows_.dimensions; ++i) {
      largest = std::max(largest, std::fabs(static_cast<double>(values[i])));
    }
  };
  switch (rows_.element) {
    case VectorElement::kFloat32:
      look_at(reinterpret_cast<const float*>(rows_.Row(row)));
      break;
    case VectorElement::kFloat64:
      look_at(reinterpret_cast<const double*>(rows_.Row(row)));
      break;
    case VectorElement::kBFloat16:
      look_at(reinterpret_cast<const BFloat16*>(rows_.Row(row)));
      break;
  }
  return largest == 0 || HasSquaresInFloat(largest);
}

}  // namespace granary
