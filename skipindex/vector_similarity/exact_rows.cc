#include "granary/skipindex/vector_similarity/exact_rows.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "granary/skipindex/distance/distance.h"
#include "granary/skipindex/vector_similarity/byte_codes.h"
#include "granary/table/types.h"

namespace granary {
namespace {

constexpr double kKeyMax = 0x7FFFFFFF;
constexpr size_t kSampledRows = 32;
constexpr size_t kOthersMax = 1 << 15;
constexpr size_t kNearest = 10;
// Bytes are too coarse if for a quarter of the rows more than so many others might be as near as
// the 10 nearest: a search of a width of 64 widens itself to hold as many.
constexpr size_t kUncertainRows = 1024;
constexpr size_t kCoarseRows = kSampledRows / 4;
// Rows at nearly one distance cannot be told apart by any code.
constexpr double kFarther = 1.001;

std::vector<uint32_t> EvenlySpaced(size_t rows, size_t count) {
  std::vector<uint32_t> spaced(std::min(rows, count));
  for (size_t i = 0; i < spaced.size(); ++i) {
    spaced[i] = static_cast<uint32_t>(i * rows / spaced.size());
  }
  return spaced;
}

}  // namespace

template <class F>
void ExactRows::Visit(uint32_t row, std::span<const uint32_t> others, F&& visit) const {
  constexpr size_t kBatch = 64;
  const DistanceFunction function =
      metric_ == Metric::kL2 ? DistanceFunction::kL2Squared : FunctionOf(metric_);
  const auto row_of = [&](uint32_t node) { return rows_.empty() ? node : rows_[node]; };
  uint32_t ids[kBatch];
  const auto measure = [&]<class T>(std::span<const T> query) {
    T distances[kBatch];
    for (size_t first = 0; first < others.size(); first += kBatch) {
      const size_t count = std::min(kBatch, others.size() - first);
      for (size_t i = 0; i < count; ++i) ids[i] = row_of(others[first + i]);
      ComputeDistances(*kernels_, function, query, vectors_, std::span(ids).first(count),
                       distances);
      for (size_t i = 0; i < count; ++i) visit(first + i, static_cast<double>(distances[i]));
    }
  };
  const std::byte* vector = vectors_.Row(row_of(row));
  const size_t dimensions = vectors_.dimensions;
  switch (vectors_.element) {
    case VectorElement::kFloat32:
      return measure(std::span(reinterpret_cast<const float*>(vector), dimensions));
    case VectorElement::kFloat64:
      return measure(std::span(reinterpret_cast<const double*>(vector), dimensions));
    case VectorElement::kBFloat16:
      break;
  }
  const auto* narrow = reinterpret_cast<const BFloat16*>(vector);
  const std::vector<float> widened(narrow, narrow + dimensions);
  measure(std::span<const float>(widened));
}

void ExactRows::Measure(uint32_t row, std::span<const uint32_t> others, uint32_t* keys) const {
  Visit(row, others, [&](size_t i, double distance) {
    // To or from a zero vector it is NaN under kCosine.
    const double units = units_ * (std::isnan(distance) ? 1 : std::max(distance, 0.0));
    keys[i] = static_cast<uint32_t>(std::min(units, kKeyMax));
  });
}

ExactRows ExactRows::Of(std::span<const uint32_t> rows) const {
  ExactRows some = *this;
  some.rows_ = rows;
  return some;
}

std::optional<ExactRows> ExactRows::IfTooCoarse(const ByteCodeRows& codes,
                                                const VectorRows& vectors, Metric metric,
                                                const DistanceKernels& kernels,
                                                const TaskContext& context) {
  if (metric == Metric::kDotProduct || vectors.rows <= kUncertainRows) return std::nullopt;
  ExactRows exact(vectors, metric, kernels);
  const std::vector<uint32_t> others = EvenlySpaced(vectors.rows, kOthersMax);
  const size_t uncertain_max = kUncertainRows * others.size() / vectors.rows;
  std::vector<uint32_t> keys(others.size());
  ByteCodeScorer scorer(kernels, codes);
  size_t coarse = 0;
  for (const uint32_t row : EvenlySpaced(vectors.rows, kSampledRows)) {
    context.CheckCancelled();
    scorer.SetQueryRow(row);
    scorer.Score(others.data(), others.size(), keys.data());
    std::vector<uint32_t> sorted = keys;
    std::nth_element(sorted.begin(), sorted.begin() + kNearest, sorted.end());
    const uint32_t limit = scorer.KeyWithError(sorted[kNearest]);
    std::vector<uint32_t> uncertain;
    for (size_t i = 0; i < others.size(); ++i) {
      if (keys[i] <= limit) uncertain.push_back(others[i]);
    }
    if (uncertain.size() <= uncertain_max) continue;
    std::vector<double> distances;
    exact.Visit(row, uncertain, [&](size_t, double distance) {
      distances.push_back(std::isnan(distance) ? 1 : distance);
    });
    std::nth_element(distances.begin(), distances.begin() + kNearest, distances.end());
    const double near = kFarther * std::max(distances[kNearest], 0.0);
    const auto farther = std::count_if(distances.begin(), distances.end(),
                                       [&](double distance) { return distance > near; });
    coarse += static_cast<size_t>(farther) > uncertain_max ? 1 : 0;
  }
  if (coarse < kCoarseRows) return std::nullopt;
  // No two rows are farther apart than twice the farthest of one of them from a third.
  std::vector<double> distances;
  exact.Visit(others.front(), others, [&](size_t, double distance) {
    distances.push_back(std::isnan(distance) ? 1 : distance);
  });
  const auto most = distances.end() - 1 - static_cast<ptrdiff_t>(distances.size() / 100);
  std::nth_element(distances.begin(), most, distances.end());
  const double farthest = metric == Metric::kCosine ? 2 : 4 * *most;
  if (!(farthest > 0) || !std::isfinite(kKeyMax / farthest)) return std::nullopt;
  exact.units_ = kKeyMax / farthest;
  return exact;
}

}  // namespace granary
