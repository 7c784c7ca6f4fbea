#include "granary/query/search/neighbor_batch.h"

#include <algorithm>
#include <utility>

namespace granary {

void AddSearches(const NeighborStatistics& more, NeighborStatistics& sum) {
  sum.graph_blocks += more.graph_blocks;
  sum.scanned_rows += more.scanned_rows;
  sum.bounded_rows += more.bounded_rows;
  sum.matching_rows = std::max(sum.matching_rows, more.matching_rows);
  sum.visited_rows += more.visited_rows;
  sum.decided_rows += more.decided_rows;
  sum.candidates += more.candidates;
  sum.reranked_rows += more.reranked_rows;
  sum.candidate_granules = std::max(sum.candidate_granules, more.candidate_granules);
  sum.granules_read = std::max(sum.granules_read, more.granules_read);
  sum.parts_read = std::max(sum.parts_read, more.parts_read);
  for (const auto& [reason, count] : more.reasons) sum.reasons[reason] += count;
}

NeighborBatch::NeighborBatch(PartSetPtr parts, const NeighborBatchRequest& request,
                             const TaskContext& task)
    : request_(request),
      task_(task),
      rows_(FindSearchableRows(
          SelectSearchableRows(std::move(parts), std::string(request.column), request.index,
                               *request.filter, *request.settings, task),
          task)) {}

NeighborRequest NeighborBatch::RequestFor(const DistanceQuery& query) const {
  // Every distance to a vector with NaN or, under cosineDistance, without direction is NaN.
  const bool has_neighbors =
      query.is_finite() && !(query.function() == DistanceFunction::kCosine && query.is_zero());
  return {.query = &query,
          .count = request_.count,
          .index = has_neighbors ? request_.index : nullptr,
          .filter = request_.filter,
          .settings = request_.settings};
}

std::vector<ChargedVector<RankedRow>> NeighborBatch::Search(
    std::span<const DistanceQuery> queries) {
  if (queries.empty()) return {};
  const bool larger_is_nearer = queries.front().function() == DistanceFunction::kDotProduct;
  std::vector<NearestRows> nearest(queries.size(), NearestRows(request_.count, larger_is_nearer));
  std::vector<std::vector<VectorScanRange>> ranges(queries.size());
  std::vector<NeighborStatistics> statistics(queries.size());
  task_.executor().ParallelFor(queries.size(), [&](size_t i) {
    const NeighborRequest request = RequestFor(queries[i]);
    NeighborSearchRun run(rows_, request, task_);
    run.SearchIndexes(nearest[i]);
    ranges[i] = run.scan().ranges();
    statistics[i] = run.statistics();
  });
  for (const NeighborStatistics& of_search : statistics) AddSearches(of_search, statistics_);

  VectorScan scan(&selection(), &task_);
  for (uint32_t i = 0; i < queries.size(); ++i) {
    for (const VectorScanRange& range : ranges[i]) scan.Add(range, i);
  }
  if (!scan.empty()) scan.Run(queries, nearest);

  std::vector<ChargedVector<RankedRow>> rows;
  for (size_t i = 0; i < queries.size(); ++i) {
    AddRowsWithoutDistance(rows_, queries[i], task_, nearest[i]);
    rows.push_back(nearest[i].TakeSorted());
  }
  return rows;
}

}  // namespace granary
