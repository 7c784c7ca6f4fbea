#include "granary/query/neighbor_batch.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <utility>

namespace granary {
namespace {

constexpr size_t kRowsPerPiece = 16384;
// Half of a second-level cache of common size: the rows that are compared with one query after the
// other.
constexpr size_t kCachedBytes = 256 << 10;
// For fewer, rounding the rows to codes costs more than it saves.
constexpr size_t kQueriesForCodes = 4;

}  // namespace

NeighborBatch::NeighborBatch(PartSetPtr parts, const NeighborBatchRequest& request,
                             const TaskContext& task)
    : request_(request),
      task_(task),
      rows_(FindSearchableRows(std::move(parts), request.index, *request.filter, *request.settings,
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

std::vector<std::vector<RankedRow>> NeighborBatch::Search(std::span<const DistanceQuery> queries) {
  if (queries.empty()) return {};
  const bool larger_is_nearer = queries.front().function() == DistanceFunction::kDotProduct;
  std::vector<NearestRows> nearest(queries.size(), NearestRows(request_.count, larger_is_nearer));
  std::vector<std::vector<ScanRange>> scans(queries.size());
  std::vector<NeighborStatistics> statistics(queries.size());
  task_.executor().ParallelFor(queries.size(), [&](size_t i) {
    const NeighborRequest request = RequestFor(queries[i]);
    NeighborSearchRun run(rows_, request, task_);
    run.SearchIndexes(nearest[i]);
    scans[i] = run.scans();
    statistics[i] = run.statistics();
  });
  for (const NeighborStatistics& of_search : statistics) Count(of_search);

  std::map<ScanRange, std::vector<uint32_t>> queries_of;
  for (uint32_t i = 0; i < queries.size(); ++i) {
    for (const ScanRange& range : scans[i]) queries_of[range].push_back(i);
  }
  std::vector<SharedScan> shared;
  for (auto& [range, numbers] : queries_of) {
    statistics_.scanned_rows += MatchingRowsIn(range) * numbers.size();
    shared.push_back({range, std::move(numbers)});
  }
  Scan(queries, shared, nearest);

  std::vector<std::vector<RankedRow>> rows;
  for (NearestRows& of_query : nearest) rows.push_back(of_query.TakeSorted());
  return rows;
}

size_t NeighborBatch::MatchingRowsIn(const ScanRange& range) const {
  const Part& part = *selection().parts[range.part].part;
  const std::optional<RowBitmap>& bitmap = rows_->matching[range.part].bitmap;
  const size_t rows = part.RowsIn(range.granules);
  return bitmap ? bitmap->CountRange(part.FirstRow(range.granules.begin), rows) : rows;
}

void NeighborBatch::Scan(std::span<const DistanceQuery> queries,
                         const std::vector<SharedScan>& scans,
                         std::vector<NearestRows>& nearest) const {
  std::vector<SharedScan> pieces;
  for (const SharedScan& scan : scans) {
    const Part& part = *selection().parts[scan.range.part].part;
    const size_t granules = std::max<size_t>(1, kRowsPerPiece / part.granule_rows());
    const GranuleRange& range = scan.range.granules;
    for (size_t begin = range.begin; begin < range.end; begin += granules) {
      pieces.push_back(
          {{scan.range.part, {begin, std::min(begin + granules, range.end)}}, scan.queries});
    }
  }
  const size_t workers = std::min(pieces.size(), task_.executor().threads());
  std::vector<std::vector<NearestRows>> nearest_of(workers);
  std::vector<CodedQuery> coded;
  for (const DistanceQuery& query : queries) coded.emplace_back(query.function(), query.doubles());
  std::atomic<size_t> next = 0;
  task_.executor().ParallelFor(workers, [&](size_t worker) {
    const bool larger_is_nearer = queries.front().function() == DistanceFunction::kDotProduct;
    nearest_of[worker].assign(queries.size(), NearestRows(request_.count, larger_is_nearer));
    CodedRows codes;
    for (size_t piece = next++; piece < pieces.size(); piece = next++) {
      ScanPiece(queries, coded, pieces[piece], codes, nearest_of[worker]);
    }
  });
  for (const std::vector<NearestRows>& of_worker : nearest_of) {
    for (size_t i = 0; i < of_worker.size(); ++i) nearest[i].Merge(of_worker[i]);
  }
}

void NeighborBatch::ScanPiece(std::span<const DistanceQuery> queries,
                              std::span<const CodedQuery> coded, const SharedScan& scan,
                              CodedRows& codes, std::vector<NearestRows>& nearest) const {
  const PartPtr& part = selection().parts[scan.range.part].part;
  const std::optional<RowBitmap>& bitmap = rows_->matching[scan.range.part].bitmap;
  const uint64_t begin = part->FirstRow(scan.range.granules.begin);
  const uint64_t end = begin + part->RowsIn(scan.range.granules);
  const StoredVectors* vectors = part->Vectors(queries.front().column());
  // Without a fixed stride, every call decompresses whole granules.
  const size_t cached =
      vectors == nullptr
          ? end - begin
          : std::clamp<size_t>(kCachedBytes / vectors->rows().stride_bytes / 64 * 64, 64, 4096);
  const bool uses_codes = vectors != nullptr && scan.queries.size() >= kQueriesForCodes &&
                          vectors->rows().dimensions <= CodedRows::kDimensionsMax;
  std::vector<PartDistances> distances;
  for (const uint32_t query : scan.queries) {
    distances.emplace_back(&queries[query], part, scan.range.part, &task_);
  }
  std::vector<uint32_t> rows;
  std::vector<uint32_t> near;
  for (uint64_t first = begin; first < end; first += cached) {
    task_.CheckCancelled();
    const size_t count = std::min<uint64_t>(cached, end - first);
    rows.clear();
    for (uint64_t row = first; row < first + count; ++row) {
      if (!bitmap || bitmap->Test(row)) rows.push_back(static_cast<uint32_t>(row));
    }
    if (rows.empty()) continue;
    bool is_coded = false;
    for (size_t i = 0; i < distances.size(); ++i) {
      const uint32_t query = scan.queries[i];
      NearestRows& of_query = nearest[query];
      if (!uses_codes || std::isinf(of_query.farthest_distance())) {
        if (rows.size() == count) {
          distances[i].AddRange(first, count, of_query);
        } else {
          distances[i].AddRows(rows, of_query);
        }
        continue;
      }
      if (!is_coded) {
        vectors->VerifyRows(first, count);
        codes.Encode(queries[query].kernels(), queries[query].function(), vectors->rows(), rows);
        is_coded = true;
      }
      near.clear();
      codes.FindNear(queries[query].kernels(), coded[query], of_query.farthest_distance(), near);
      if (near.empty()) continue;
      for (uint32_t& row : near) row = rows[row];
      distances[i].AddRows(near, of_query);
    }
    task_.progress().rows_done += count;
  }
}

void NeighborBatch::Count(const NeighborStatistics& of_search) {
  NeighborStatistics sum = of_search;
  sum.graph_blocks += statistics_.graph_blocks;
  sum.visited_rows += statistics_.visited_rows;
  sum.candidates += statistics_.candidates;
  sum.reranked_rows += statistics_.reranked_rows;
  sum.candidate_granules = std::max(sum.candidate_granules, statistics_.candidate_granules);
  sum.granules_read = std::max(sum.granules_read, statistics_.granules_read);
  sum.parts_read = std::max(sum.parts_read, statistics_.parts_read);
  for (const auto& [reason, count] : statistics_.reasons) sum.reasons[reason] += count;
  sum.scanned_rows += statistics_.scanned_rows;
  statistics_ = std::move(sum);
}

}  // namespace granary
