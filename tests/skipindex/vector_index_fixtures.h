// What the tests of vector_similarity share: a built and opened sub-index, and the exact order.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "granary/skipindex/distance/distance.h"
#include "granary/skipindex/vector_similarity/vector_similarity_index.h"
#include "granary/tests/skipindex/index_fixtures.h"

namespace granary {

inline constexpr size_t kDimensions = 24;

inline const DataType kFloatArray = DataType::Array(TypeId::kFloat32);

inline std::vector<IndexArgument> Arguments(Metric metric, const char* quantization, uint64_t m = 8,
                                            uint64_t width = 64) {
  return {Argument("hnsw"),      Argument(MetricFunction(metric).data()),
          Argument(kDimensions), Argument(quantization),
          Argument(m),           Argument(width)};
}

inline std::shared_ptr<const SkipIndex> Declare(
    std::vector<IndexArgument> arguments, DataType type = kFloatArray, size_t min_rows = 0,
    const DistanceKernels& kernels = BestDistanceKernels()) {
  TableSettings settings;
  settings.vector_index_min_rows_for_graph = min_rows;
  return VectorSimilarityKind(kernels).Declare(
      Declared("vector_similarity", std::move(type), std::move(arguments)), settings);
}

inline std::vector<std::byte> Build(const SkipIndex& index, const VectorRows& rows,
                                    TestContext& test) {
  ByteWriter out;
  index.NewBuilder()->Finish({.rows = rows.rows, .vectors = &rows, .context = &test.context}, out);
  return out.Take();
}

// A built and opened sub-index with all that it looks at.
struct Opened {
  Opened(std::shared_ptr<const SkipIndex> declared, const VectorRows& rows)
      : index(std::move(declared)),
        vectors(rows),
        bytes(Build(*index, rows, test)),
        sub_index(index->Open(bytes.span(), {.rows = rows.rows, .vectors = &vectors})) {}

  std::vector<Candidate> Search(std::span<const float> query, size_t count, size_t effort,
                                AcceptSet* accept = nullptr) {
    auto search = Start(query, count, effort, accept);
    std::vector<Candidate> found;
    search->Next(found, test.context);
    return found;
  }
  // Of those, what may be among the nearest for all that the code says.
  std::vector<Candidate> SearchWorthMeasuring(std::span<const float> query, size_t count,
                                              size_t effort) {
    const auto search = Start(query, count, effort);
    std::vector<Candidate> found;
    search->Next(found, test.context);
    const float limit = search->WithError(found[std::min(count, found.size()) - 1].distance);
    std::erase_if(found, [&](const Candidate& candidate) { return candidate.distance > limit; });
    return found;
  }
  std::unique_ptr<NeighborSearch> Start(std::span<const float> query, size_t count, size_t effort,
                                        AcceptSet* accept = nullptr, size_t max_visited = 0) {
    return sub_index->neighbor_searcher()->Start({.vector = query,
                                                  .count = count,
                                                  .effort = effort,
                                                  .max_visited = max_visited,
                                                  .accept = accept});
  }

  TestContext test;
  std::shared_ptr<const SkipIndex> index;
  VectorRows vectors;
  AlignedBytes bytes;
  std::shared_ptr<const SubIndex> sub_index;
};

// Row numbers of the accepted rows, nearest first, by the exact distance.
inline std::vector<uint32_t> ExactOrder(const VectorRows& rows, Metric metric,
                                        std::span<const float> query, AcceptSet* accept = nullptr) {
  std::vector<double> distances(rows.rows);
  const std::vector<double> wide(query.begin(), query.end());
  ComputeDistances(BestDistanceKernels(), FunctionOf(metric), std::span<const double>(wide), rows,
                   0, rows.rows, distances.data());
  std::vector<uint32_t> order;
  for (uint32_t row = 0; row < rows.rows; ++row) {
    if (accept == nullptr || accept->Accepts(row)) order.push_back(row);
  }
  const double sign = metric == Metric::kDotProduct ? -1 : 1;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(sign * distances[a], a) < std::pair(sign * distances[b], b);
  });
  return order;
}

}  // namespace granary
