// Distances from one query vector to many rows, as SQL defines them: the values of L2Distance,
// cosineDistance and dotProduct. The SQL functions, the exact scan and the re-rank of candidates
// all call these functions, and so agree to the bit, whichever variant of the kernels runs.
//
//   L2Distance      sqrt(sum (a - b)^2)
//   cosineDistance  1 - dot / (sqrt(sum a^2) * sqrt(sum b^2)), at least 0; 0 for equal vectors; NaN
//                   if a vector is zero
//   dotProduct      sum a * b
//
// Types: everything is computed in the result type. That is float if both vectors are Float32 or
// BFloat16 (which widens to float without loss), and double as soon as one is Float64. The order
// of the sums is fixed; see kernels.h. The functions are symmetric: swapping query and row gives
// the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "granary/skipindex/distance/kernels.h"
#include "granary/skipindex/metric.h"
#include "granary/table/vector_rows.h"

namespace granary {

// The functions that kernels compute: the searchable metrics, and L2SquaredDistance.
enum class DistanceFunction : uint8_t { kL2, kCosine, kDotProduct, kL2Squared };

inline DistanceFunction FunctionOf(Metric metric) { return static_cast<DistanceFunction>(metric); }

// out[i] = the distance of `query` to row first_row + i, for i < count. query.size() ==
// rows.dimensions. The float forms take Float32 and BFloat16 rows, the double forms any rows.
// Allocate at most a small buffer on the stack; thread-safe; throw nothing.
void ComputeDistances(const DistanceKernels& kernels, DistanceFunction function,
                      std::span<const float> query, const VectorRows& rows, size_t first_row,
                      size_t count, float* out);
void ComputeDistances(const DistanceKernels& kernels, DistanceFunction function,
                      std::span<const double> query, const VectorRows& rows, size_t first_row,
                      size_t count, double* out);

// The same for rows row_ids[i], in any order.
void ComputeDistances(const DistanceKernels& kernels, DistanceFunction function,
                      std::span<const float> query, const VectorRows& rows,
                      std::span<const uint32_t> row_ids, float* out);
void ComputeDistances(const DistanceKernels& kernels, DistanceFunction function,
                      std::span<const double> query, const VectorRows& rows,
                      std::span<const uint32_t> row_ids, double* out);

}  // namespace granary
