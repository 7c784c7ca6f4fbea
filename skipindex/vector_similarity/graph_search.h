// Searching one opened sub-index: a walk through the graph, or a scan where there is none.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "granary/skipindex/skip_index.h"
#include "granary/skipindex/vector_similarity/graph_file.h"

namespace granary {

// Keeps the beams of finished searches for the next ones. Thread-safe.
class BeamPool {
 public:
  std::unique_ptr<Beam> Take();
  void Return(std::unique_ptr<Beam> beam);
  // Of those that are kept.
  size_t heap_bytes() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Beam>> free_;
};

// A beam of query.effort walks the graph through every row; those that the accept set refuses lead
// on but are not returned. As long as too few rows are accepted the beam is doubled and the walk
// goes on where it stopped; so do later calls of Next. `file` and `beams` outlive the search.
std::unique_ptr<NeighborSearch> StartGraphSearch(const GraphFile& file, Metric metric,
                                                 const NeighborQuery& query, BeamPool& beams);

// Bounds by i8 codes; null where the file has none.
std::unique_ptr<DistanceBounds> StartCodeBounds(const GraphFile& file, Metric metric,
                                                const NeighborQuery& query);

// NeighborSearcher::candidates_max.
size_t CandidatesMax(const GraphFile& file, size_t effort);

// Measures every accepted row of the column at the first Next; exact.
std::unique_ptr<NeighborSearch> StartFlatSearch(const VectorRows& vectors, Metric metric,
                                                const NeighborQuery& query);

}  // namespace granary
