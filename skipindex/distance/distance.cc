#include "granary/skipindex/distance/distance.h"

#include <algorithm>
#include <cmath>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

// Compilers take roots one by one, as each might set errno. These do the first rows of `count`
// several at a time, with the same bits, and return how many they did.
#if defined(__SSE2__)
size_t TakeRootsAtOnce(float* values, size_t count) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    _mm_storeu_ps(values + i, _mm_sqrt_ps(_mm_loadu_ps(values + i)));
  }
  return i;
}

size_t FinishCosinesAtOnce(float squared_length, const float* squared_norms, float* values,
                           size_t count) {
  const __m128 one = _mm_set1_ps(1), own_square = _mm_set1_ps(squared_length);
  const __m128 own_length = _mm_sqrt_ps(own_square);
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m128 dots = _mm_loadu_ps(values + i), squares = _mm_loadu_ps(squared_norms + i);
    const __m128 same = _mm_and_ps(_mm_cmpeq_ps(dots, own_square), _mm_cmpeq_ps(dots, squares));
    __m128 lengths = _mm_mul_ps(own_length, _mm_sqrt_ps(squares));
    lengths = _mm_or_ps(_mm_and_ps(same, dots), _mm_andnot_ps(same, lengths));
    const __m128 distances = _mm_sub_ps(one, _mm_div_ps(dots, lengths));
    // The maximum of 0 and NaN is the second of them.
    _mm_storeu_ps(values + i, _mm_max_ps(_mm_setzero_ps(), distances));
  }
  return i;
}
#else
size_t TakeRootsAtOnce(float*, size_t) { return 0; }
size_t FinishCosinesAtOnce(float, const float*, float*, size_t) { return 0; }
#endif
// Two doubles at a time are not faster than one by one.
size_t TakeRootsAtOnce(double*, size_t) { return 0; }
size_t FinishCosinesAtOnce(double, const double*, double*, size_t) { return 0; }

template <class T>
void TakeRoots(T* values, size_t count) {
  for (size_t i = TakeRootsAtOnce(values, count); i < count; ++i) values[i] = std::sqrt(values[i]);
}

// Dot products become cosine distances. Rounding neither makes them negative nor the distance of a
// vector to itself, whose product is its squared length, other than 0.
template <class T>
void FinishCosines(T squared_length, const T* squared_norms, T* values, size_t count) {
  const T length = std::sqrt(squared_length);
  size_t i = FinishCosinesAtOnce(squared_length, squared_norms, values, count);
  for (; i < count; ++i) {
    const bool is_same = values[i] == squared_length && values[i] == squared_norms[i];
    const T lengths = is_same ? values[i] : length * std::sqrt(squared_norms[i]);
    const T distance = T{1} - values[i] / lengths;
    values[i] = distance < 0 ? T{0} : distance;
  }
}

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
  const T squared_length = SquaredNorm(kernels, query);
  const size_t count = rows.count;
  T norms[kChunkRows];
  for (size_t first = 0; first < count; first += kChunkRows) {
    rows.count = std::min(kChunkRows, count - first);
    Entries<T>::DotNorm(kernels, element)(rows, query.data(), out + first, norms);
    FinishCosines(squared_length, norms, out + first, rows.count);
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
      TakeRoots(out, rows.count);
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
