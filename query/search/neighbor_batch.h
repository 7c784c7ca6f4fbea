// Many nearest-neighbour searches over the same rows at once. Granules are pruned and WHERE is
// evaluated once for all of them; sub-indexes are searched for many vectors in parallel; what is
// scanned is read once (vector_scan.h). Each search gives the same rows as it would alone if
// WHERE is evaluated for all rows there, too.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "granary/query/search/neighbor_search.h"

namespace granary {

struct NeighborBatchRequest {
  std::string_view column;               // of the vectors searched
  size_t count = 0;                      // k
  const DeclaredIndex* index = nullptr;  // null: exact
  const RowFilter* filter = nullptr;
  const QuerySettings* settings = nullptr;
};

// Adds what more searches did: rows, sub-indexes and reasons together, granules and parts the most
// that one of them read.
void AddSearches(const NeighborStatistics& more, NeighborStatistics& sum);

class NeighborBatch {
 public:
  // What the request points to and the task outlive the object.
  NeighborBatch(PartSetPtr parts, const NeighborBatchRequest& request, const TaskContext& task);

  // The best rows of each query, best first, at most k. The queries have one function and the
  // column; one that has no vector is as far from all rows as those without are from it.
  // May be called many times, by one thread at a time.
  std::vector<ChargedVector<RankedRow>> Search(std::span<const DistanceQuery> queries);

  const GranuleSelection& selection() const { return *rows_->selection; }
  // Of all searches so far, by AddSearches.
  const NeighborStatistics& statistics() const { return statistics_; }

 private:
  NeighborRequest RequestFor(const DistanceQuery& query) const;

  const NeighborBatchRequest request_;
  const TaskContext& task_;
  const SearchableRowsPtr rows_;
  NeighborStatistics statistics_;
};

}  // namespace granary
