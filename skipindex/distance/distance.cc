#include "granary/skipindex/distance/distance.h"

#include <algorithm>
#include <cmath>

namespace granary {
namespace {

constexpr size_t kChunkRows = 256;

RowElement ElementOf(const VectorRows& rows) { return static_cast<RowElement>(rows.element); }

static_assert(static_cast<int>(RowElement::kFloat32) == static_cast<int>(VectorElement::kFloat32));
static_assert(static_cast<int>(RowElement::kFloat64) == static_cast<int>(VectorElement::kFloat64));
static_assert(static_cast<int>(RowElement::kBFloat16) ==
              static_cast<int>(VectorElement::kBFloat16));

template <class T>
struct Entries;

template <>
struct Entries<float> {
  static auto L2(const DistanceKernels& k, size_t element) { return k.l2_squared[element]; }
  static auto Dot(const DistanceKernels& k, size_t element) { return k.dot[element]; }
  static auto DotNorm(const DistanceKernels& k, size_t element) { return k.dot_norm[element]; }
  static constexpr RowElement kElement = RowElement::kFloat32;
};

template <>
struct Entries<double> {
  static auto L2(const DistanceKernels& k, size_t element) { return k.l2_squared_double[element]; }
  static auto Dot(const DistanceKernels& k, size_t element) { return k.dot_double[element]; }
  static auto DotNorm(const DistanceKernels& k, size_t element) {
    return k.dot_norm_double[element];
  }
  static constexpr RowElement kElement = RowElement::kFloat64;
};

template <class T>
T SquaredNorm(const DistanceKernels& kernels, std::span<const T> query) {
  const RowSet itself{.base = reinterpret_cast<const std::byte*>(query.data()),
                      .stride_bytes = query.size_bytes(),
                      .dimensions = query.size(),
                      .count = 1};
  T norm;
  Entries<T>::Dot(kernels, static_cast<size_t>(Entries<T>::kElement))(itself, query.data(), &norm);
  return norm;
}

template <class T>
void CosineDistances(const DistanceKernels& kernels, std::span<const T> query, RowSet rows,
                     size_t element, T* out) {
  const T query_length = std::sqrt(SquaredNorm(kernels, query));
  const size_t count = rows.count;
  T norms[kChunkRows];
  for (size_t first = 0; first < count; first += kChunkRows) {
    rows.count = std::min(kChunkRows, count - first);
    Entries<T>::DotNorm(kernels, element)(rows, query.data(), out + first, norms);
    for (size_t i = 0; i < rows.count; ++i) {
      out[first + i] = T{1} - out[first + i] / (query_length * std::sqrt(norms[i]));
    }
    if (rows.ids != nullptr) {
      rows.ids += rows.count;
    } else {
      rows.base += rows.count * rows.stride_bytes;
    }
  }
}

template <class T>
void Compute(const DistanceKernels& kernels, DistanceFunction function, std::span<const T> query,
             const RowSet& rows, RowElement row_element, T* out) {
  const auto element = static_cast<size_t>(row_element);
  switch (function) {
    case DistanceFunction::kL2:
      Entries<T>::L2(kernels, element)(rows, query.data(), out);
      for (size_t i = 0; i < rows.count; ++i) out[i] = std::sqrt(out[i]);
      return;
    case DistanceFunction::kL2Squared:
      return Entries<T>::L2(kernels, element)(rows, query.data(), out);
    case DistanceFunction::kDotProduct:
      return Entries<T>::Dot(kernels, element)(rows, query.data(), out);
    case DistanceFunction::kCosine:
      return CosineDistances(kernels, query, rows, element, out);
  }
}

RowSet Contiguous(const VectorRows& rows, size_t first_row, size_t count) {
  return {.base = rows.Row(first_row),
          .stride_bytes = rows.stride_bytes,
          .dimensions = rows.dimensions,
          .count = count};
}

RowSet Gathered(const VectorRows& rows, std::span<const uint32_t> row_ids) {
  return {.base = rows.base,
          .stride_bytes = rows.stride_bytes,
          .dimensions = rows.dimensions,
          .ids = row_ids.data(),
          .count = row_ids.size()};
}

}  // namespace

void ComputeDistances(const DistanceKernels& kernels, DistanceFunction function,
                      std::span<const float> query, const VectorRows& rows, size_t first_row,
                      size_t count, float* out) {
  Compute(kernels, function, query, Contiguous(rows, first_row, count), ElementOf(rows), out);
}

void ComputeDistances(const DistanceKernels& kernels, DistanceFunction function,
                      std::span<const double> query, const VectorRows& rows, size_t first_row,
                      size_t count, double* out) {
  Compute(kernels, function, query, Contiguous(rows, first_row, count), ElementOf(rows), out);
}

void ComputeDistances(const DistanceKernels& kernels, DistanceFunction function,
                      std::span<const float> query, const VectorRows& rows,
                      std::span<const uint32_t> row_ids, float* out) {
  Compute(kernels, function, query, Gathered(rows, row_ids), ElementOf(rows), out);
}

void ComputeDistances(const DistanceKernels& kernels, DistanceFunction function,
                      std::span<const double> query, const VectorRows& rows,
                      std::span<const uint32_t> row_ids, double* out) {
  Compute(kernels, function, query, Gathered(rows, row_ids), ElementOf(rows), out);
}

}  // namespace granary
