#include "granary/skipindex/vector_similarity/vector_checks.h"

#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include <fmt/format.h>

namespace granary {
namespace {

[[noreturn]] void ThrowRow(size_t row, const std::string& problem) {
  throw Error(ErrorCode::kIncorrectData,
              fmt::format("row {} cannot be in a vector_similarity index: {}", row, problem));
}

// What of the values decides whether a row is fit.
struct RowFacts {
  bool finite = true;
  bool zero = true;
};

template <class T>
RowFacts Inspect(const std::byte* row, size_t dimensions) {
  const T* values = reinterpret_cast<const T*>(row);
  RowFacts facts;
  for (size_t i = 0; i < dimensions; ++i) {
    const auto value = static_cast<std::conditional_t<sizeof(T) == 8, double, float>>(values[i]);
    facts.finite &= std::fabs(value) <= std::numeric_limits<decltype(value)>::max();
    facts.zero &= value == 0;
  }
  return facts;
}

RowFacts Inspect(const VectorRows& vectors, size_t row) {
  switch (vectors.element) {
    case VectorElement::kFloat32:
      return Inspect<float>(vectors.Row(row), vectors.dimensions);
    case VectorElement::kFloat64:
      return Inspect<double>(vectors.Row(row), vectors.dimensions);
    case VectorElement::kBFloat16:
      break;
  }
  return Inspect<BFloat16>(vectors.Row(row), vectors.dimensions);
}

// row_of(i) is what vector i is called.
template <class RowOf>
void CheckValues(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors,
                 RowOf row_of) {
  // As in ClickHouse, where i8 has to be asked for.
  const bool zero_allowed = declaration.metric != Metric::kCosine ||
                            declaration.quantization != Quantization::kInt8 ||
                            !declaration.quantization_declared;
  for (size_t row = 0; row < vectors.rows; ++row) {
    const RowFacts facts = Inspect(vectors, row);
    if (!facts.finite) ThrowRow(row_of(row), "it has a NaN or infinite value");
    if (facts.zero && !zero_allowed) {
      ThrowRow(row_of(row), "it is a zero vector, which has no direction for cosineDistance");
    }
  }
}

}  // namespace

void CheckVectors(const VectorSimilarityDeclaration& declaration, const VectorRows& vectors,
                  size_t first_row) {
  CheckValues(declaration, vectors, [&](size_t row) { return first_row + row; });
}

void CheckVectors(const VectorSimilarityDeclaration& declaration, const Column& values,
                  size_t first_row) {
  if (values.size() == 0) return;
  if (values.is_constant()) {
    const auto& constant = static_cast<const ConstantColumn&>(values);
    return CheckVectors(declaration, *constant.value(), first_row);
  }
  const ArrayColumn& arrays = AsArrays(values);
  size_t first = 0;  // with a vector
  while (declaration.allows_empty && first < arrays.size() && arrays.Length(first) == 0) ++first;
  if (first == arrays.size()) return;
  const size_t expected = declaration.dimensions.value_or(arrays.Length(first));
  if (declaration.quantization == Quantization::kBit && expected % 8 != 0) {
    ThrowRow(
        first_row + first,
        fmt::format("it has {} dimensions, but quantization 'b1' needs a multiple of 8", expected));
  }
  std::vector<size_t> with_vector;  // only where some may be without
  for (size_t row = first; row < arrays.size(); ++row) {
    const size_t length = arrays.Length(row);
    if (length == 0 && declaration.allows_empty) continue;
    if (length == 0) {
      ThrowRow(first_row + row,
               "the array is empty; an index with allow_empty = 1 takes such rows");
    }
    if (length != expected) {
      ThrowRow(first_row + row,
               declaration.dimensions
                   ? fmt::format("it has {} dimensions, the index has {}", length, expected)
                   : fmt::format("it has {} dimensions, row {} has {}", length, first_row + first,
                                 expected));
    }
    if (declaration.allows_empty) with_vector.push_back(first_row + row);
  }
  VectorRows vectors = arrays.Vectors(expected);
  if (!declaration.allows_empty) return CheckVectors(declaration, vectors, first_row);
  vectors.rows = with_vector.size();  // empty arrays take no room between them
  CheckValues(declaration, vectors, [&](size_t row) { return with_vector[row]; });
}

}  // namespace granary
