// Distances between the vectors of rows themselves, as integer keys like those of byte codes: what
// a graph is built on where bytes are too coarse, because the rows near to each other are nearer
// than one step of the codes (clusters far apart, one dimension of a much larger scale).
//
// Float kernels have one summation order, so that keys are the same on every CPU. A build on them
// takes several times as long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "granary/skipindex/distance/kernels.h"
#include "granary/skipindex/metric.h"
#include "granary/table/task_context.h"
#include "granary/table/vector_rows.h"

namespace granary {

struct ByteCodeRows;

// A view. Thread-safe.
class ExactRows {
 public:
  // Nothing if the codes of the vectors tell them apart, as far as a sample shows, and under
  // kDotProduct, where every code has a scale of its own.
  static std::optional<ExactRows> IfTooCoarse(const ByteCodeRows& codes, const VectorRows& vectors,
                                              Metric metric, const DistanceKernels& kernels,
                                              const TaskContext& context);

  // Those rows of these, numbered from 0; `rows` outlives the result.
  ExactRows Of(std::span<const uint32_t> rows) const;

  // keys[i] orders others[i] by its distance to the row: a distance squared under kL2, less than
  // 2^31.
  void Measure(uint32_t row, std::span<const uint32_t> others, uint32_t* keys) const;

 private:
  ExactRows(const VectorRows& vectors, Metric metric, const DistanceKernels& kernels)
      : vectors_(vectors), metric_(metric), kernels_(&kernels) {}

  // Calls visit(i, distance) for each of the others.
  template <class F>
  void Visit(uint32_t row, std::span<const uint32_t> others, F&& visit) const;

  VectorRows vectors_;
  Metric metric_;
  const DistanceKernels* kernels_;
  std::span<const uint32_t> rows_;  // empty: all
  double units_ = 1;                // of a distance of 1
};

}  // namespace granary
