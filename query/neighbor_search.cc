#include "granary/query/neighbor_search.h"

#include <algorithm>
#include <utility>

#include "granary/query/matching_rows.h"

namespace granary {
namespace {

constexpr size_t kRowsPerScan = 16384;
// A graph walk with effort e through rows of which a share p matches measures about 16 * e / p of
// them at random places, which cost about twice what rows in sequence do.
constexpr double kWalkCostPerEffort = 32;

// The rows [first, first + count) of `rows`, numbered from 0.
RowBitmap SliceBitmap(const RowBitmap& rows, size_t first, size_t count) {
  RowBitmap slice(count);
  const std::span<const uint64_t> from = rows.words();
  const std::span<uint64_t> to = slice.mutable_words();
  const size_t shift = first % 64;
  for (size_t word = 0; word < to.size(); ++word) {
    const size_t source = first / 64 + word;
    to[word] = from[source] >> shift;
    if (shift != 0 && source + 1 < from.size()) to[word] |= from[source + 1] << (64 - shift);
  }
  if (count % 64 != 0) to.back() &= (uint64_t{1} << (count % 64)) - 1;
  return slice;
}

}  // namespace

SearchableRowsPtr FindSearchableRows(PartSetPtr parts, const DeclaredIndex* index,
                                     const RowFilter& filter, const QuerySettings& settings,
                                     const TaskContext& task) {
  std::vector<std::string> used;
  if (index != nullptr) used.push_back(index->declaration.name);
  auto rows = std::make_shared<SearchableRows>();
  rows->selection = SelectGranules(*parts, filter.predicate, settings, used, task);
  rows->parts = std::move(parts);
  const CompiledExpressionPtr& condition = filter.condition;
  size_t bytes = 0;
  for (const SelectedPart& selected : rows->selection.parts) {
    if (condition || selected.dead != nullptr) bytes += selected.part->rows() / 8;
  }
  rows->charge = MemoryCharge(task.memory(), bytes, "the rows that may be returned");
  std::vector<RowBitmap> found;
  if (condition) found = FindMatchingRows(rows->selection, *condition, task);
  rows->matching.resize(rows->selection.parts.size());
  for (size_t part = 0; part < rows->matching.size(); ++part) {
    const SelectedPart& selected = rows->selection.parts[part];
    MatchingRows& matching = rows->matching[part];
    if (condition) {
      matching.bitmap = std::move(found[part]);
    } else if (selected.dead != nullptr) {
      // Without a condition all granules are selected.
      matching.bitmap.emplace(selected.part->rows(), true);
      matching.bitmap->AndNot(selected.dead->rows());
    }
    matching.count = matching.bitmap ? matching.bitmap->Count() : selected.rows();
  }
  return rows;
}

NeighborSearchRun::NeighborSearchRun(PartSetPtr parts, const NeighborRequest& request,
                                     const TaskContext& task)
    : NeighborSearchRun(FindSearchableRows(std::move(parts), request.index, *request.filter,
                                           *request.settings, task),
                        request, task) {}

NeighborSearchRun::NeighborSearchRun(SearchableRowsPtr rows, const NeighborRequest& request,
                                     const TaskContext& task)
    : rows_(std::move(rows)),
      request_(request),
      task_(task),
      selection_(rows_->selection),
      matching_(rows_->matching) {
  for (const MatchingRows& matching : matching_) statistics_.matching_rows += matching.count;
}

std::vector<RankedRow> NeighborSearchRun::Run() {
  NearestRows nearest(request_.count, request_.query->function() == DistanceFunction::kDotProduct);
  SearchIndexes(nearest);
  Scan(nearest);
  return nearest.TakeSorted();
}

void NeighborSearchRun::SearchIndexes(NearestRows& nearest) {
  for (uint32_t part = 0; part < selection_.parts.size(); ++part) PlanPart(part);
  SearchGraphs();
  std::vector<std::vector<uint32_t>> rows_of_part = KeepBestCandidates();
  CountGranules(rows_of_part);
  if (request_.settings->vector_search_rerank_scope == RerankScope::kGranules) {
    ExtendToGranules(rows_of_part);
  }
  Rerank(rows_of_part, nearest);
}

size_t NeighborSearchRun::effort() const {
  const double multiplier = request_.settings->vector_search_index_fetch_multiplier;
  const auto fetched = static_cast<size_t>(static_cast<double>(request_.count) * multiplier);
  return std::max(
      {request_.settings->hnsw_candidate_list_size_for_search, fetched, request_.count});
}

bool NeighborSearchRun::PrefersScan(const MatchingRows& matching, size_t rows) const {
  if (!matching.bitmap || matching.count == rows) return false;
  // The setting is about WHERE, not about dead rows.
  switch (request_.filter->condition ? request_.settings->vector_search_filter_strategy
                                     : FilterStrategy::kAuto) {
    case FilterStrategy::kPrefilter:
      return true;
    case FilterStrategy::kPostfilter:
      return false;
    case FilterStrategy::kAuto:
      break;
  }
  const double pass_rate = static_cast<double>(matching.count) / static_cast<double>(rows);
  return static_cast<double>(matching.count) * pass_rate <=
         kWalkCostPerEffort * static_cast<double>(effort());
}

void NeighborSearchRun::AddScan(uint32_t part, GranuleRange granules, const char* reason) {
  scans_.push_back({part, granules});
  ++statistics_.reasons[reason];
}

void NeighborSearchRun::PlanPart(uint32_t number) {
  const SelectedPart& selected = selection_.parts[number];
  const MatchingRows& matching = matching_[number];
  if (matching.count == 0 || request_.count == 0) return;
  const PartIndex* stored =
      request_.index == nullptr ? nullptr : selected.part->FindIndex(*request_.index);
  const char* few = request_.filter->condition ? "few rows match WHERE" : "few rows are alive";
  const char* reason = request_.index == nullptr                      ? "no index is used"
                       : stored == nullptr                            ? "the part has no sub-index"
                       : PrefersScan(matching, selected.part->rows()) ? few
                                                                      : nullptr;
  if (reason != nullptr) {
    for (const GranuleRange& range : selected.ranges) AddScan(number, range, reason);
    return;
  }
  for (size_t index = 0; index < stored->blocks.size(); ++index) {
    const PartIndexBlock& stored_block = stored->blocks[index];
    GraphBlock block{.part = number,
                     .first_row = stored_block.first_row,
                     .rows = static_cast<size_t>(stored_block.rows)};
    block.matching =
        matching.bitmap ? matching.bitmap->CountRange(block.first_row, block.rows) : block.rows;
    if (block.matching == 0) continue;
    block.sub_index = selected.part->OpenSubIndex(*request_.index, index, task_);
    if (block.sub_index == nullptr || block.sub_index->neighbor_searcher() == nullptr) {
      AddScan(number, stored_block.granules, "a sub-index is damaged");
    } else {
      graphs_.push_back(std::move(block));
    }
  }
}

void NeighborSearchRun::SearchGraphs() {
  task_.executor().ParallelFor(graphs_.size(), [&](size_t index) { SearchGraph(graphs_[index]); });
  for (const GraphBlock& block : graphs_) {
    statistics_.visited_rows += block.visited_rows;
    if (!block.is_short) continue;
    const size_t granule_rows = selection_.parts[block.part].part->granule_rows();
    AddScan(block.part,
            {block.first_row / granule_rows,
             (block.first_row + block.rows + granule_rows - 1) / granule_rows},
            "the graph reached too few rows");
  }
  statistics_.graph_blocks = graphs_.size();
}

void NeighborSearchRun::SearchGraph(GraphBlock& block) {
  const size_t wanted = std::min(request_.count, block.matching);
  std::optional<AcceptSet> accept;
  if (block.matching < block.rows) {
    accept.emplace(SliceBitmap(*matching_[block.part].bitmap, block.first_row, block.rows));
  }
  const std::unique_ptr<NeighborSearch> search =
      block.sub_index->neighbor_searcher()->Start({.vector = request_.query->floats(),
                                                   .doubles = request_.query->doubles(),
                                                   .count = wanted,
                                                   .effort = effort(),
                                                   .accept = accept ? &*accept : nullptr,
                                                   .kernels = &request_.query->kernels()});
  do {
    task_.CheckCancelled();
    const size_t before = block.candidates.size();
    search->Next(block.candidates, task_);
    if (block.candidates.size() == before) break;
  } while (block.candidates.size() < wanted);
  block.is_short = block.candidates.size() < wanted;
  if (block.is_short) block.candidates.clear();
  for (Candidate& candidate : block.candidates) {
    candidate.row += static_cast<uint32_t>(block.first_row);
  }
  block.visited_rows = search->visited();
  task_.progress().rows_done += block.visited_rows;
}

std::vector<std::vector<uint32_t>> NeighborSearchRun::KeepBestCandidates() {
  struct PartCandidate {
    float distance;
    uint32_t part;
    uint32_t row;
  };
  std::vector<PartCandidate> all;
  size_t most = effort();
  for (const GraphBlock& block : graphs_) {
    most = std::max(most, block.sub_index->neighbor_searcher()->candidates_max(effort()));
    for (const Candidate& candidate : block.candidates) {
      all.push_back({candidate.distance, block.part, candidate.row});
    }
  }
  const size_t kept = std::min(all.size(), most);
  const auto nearer = [](const PartCandidate& a, const PartCandidate& b) {
    if (a.distance != b.distance) return a.distance < b.distance;
    return a.part != b.part ? a.part < b.part : a.row < b.row;
  };
  if (kept < all.size()) {
    std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(kept), all.end(), nearer);
    all.resize(kept);
  }
  std::vector<std::vector<uint32_t>> rows_of_part(selection_.parts.size());
  for (const PartCandidate& candidate : all) rows_of_part[candidate.part].push_back(candidate.row);
  statistics_.candidates = kept;
  for (std::vector<uint32_t>& rows : rows_of_part) std::sort(rows.begin(), rows.end());
  return rows_of_part;
}

void NeighborSearchRun::CountGranules(const std::vector<std::vector<uint32_t>>& rows_of_part) {
  for (uint32_t number = 0; number < rows_of_part.size(); ++number) {
    const Part& part = *selection_.parts[number].part;
    RowBitmap granules(part.granule_count());
    for (const uint32_t row : rows_of_part[number]) granules.Set(row / part.granule_rows());
    statistics_.candidate_granules += granules.Count();
    for (const ScanRange& scan : scans_) {
      if (scan.part == number) granules.SetRange(scan.granules.begin, scan.granules.size());
    }
    statistics_.granules_read += granules.Count();
    statistics_.parts_read += granules.Count() > 0 ? 1 : 0;
  }
}

bool NeighborSearchRun::Matches(uint32_t part, uint32_t row) const {
  return !matching_[part].bitmap || matching_[part].bitmap->Test(row);
}

void NeighborSearchRun::ExtendToGranules(std::vector<std::vector<uint32_t>>& rows_of_part) {
  for (uint32_t number = 0; number < rows_of_part.size(); ++number) {
    const Part& part = *selection_.parts[number].part;
    std::vector<uint32_t> extended;
    size_t next_granule = 0;
    for (const uint32_t row : rows_of_part[number]) {
      const size_t granule = row / part.granule_rows();
      if (granule < next_granule) continue;
      next_granule = granule + 1;
      const auto first = static_cast<uint32_t>(part.FirstRow(granule));
      const auto end = static_cast<uint32_t>(first + part.RowsIn({granule, granule + 1}));
      for (uint32_t other = first; other < end; ++other) {
        if (Matches(number, other)) extended.push_back(other);
      }
    }
    rows_of_part[number] = std::move(extended);
  }
}

void NeighborSearchRun::Rerank(const std::vector<std::vector<uint32_t>>& rows_of_part,
                               NearestRows& nearest) {
  for (uint32_t part = 0; part < rows_of_part.size(); ++part) {
    if (rows_of_part[part].empty()) continue;
    statistics_.reranked_rows += rows_of_part[part].size();
    PartDistances(request_.query, selection_.parts[part].part, part, &task_)
        .AddRows(rows_of_part[part], nearest);
  }
}

void NeighborSearchRun::Scan(NearestRows& nearest) {
  if (scans_.empty()) return;
  std::vector<ScanRange> pieces;
  for (const ScanRange& scan : scans_) {
    const Part& part = *selection_.parts[scan.part].part;
    statistics_.scanned_rows +=
        matching_[scan.part].bitmap
            ? matching_[scan.part].bitmap->CountRange(part.FirstRow(scan.granules.begin),
                                                      part.RowsIn(scan.granules))
            : part.RowsIn(scan.granules);
    const size_t granules = std::max<size_t>(1, kRowsPerScan / part.granule_rows());
    for (size_t begin = scan.granules.begin; begin < scan.granules.end; begin += granules) {
      pieces.push_back({scan.part, {begin, std::min(begin + granules, scan.granules.end)}});
    }
  }
  const size_t workers = std::min(pieces.size(), task_.executor().threads());
  std::vector<NearestRows> nearest_of(
      workers,
      NearestRows(request_.count, request_.query->function() == DistanceFunction::kDotProduct));
  std::atomic<size_t> next = 0;
  task_.executor().ParallelFor(workers, [&](size_t worker) {
    for (size_t piece = next++; piece < pieces.size(); piece = next++) {
      task_.CheckCancelled();
      ScanPieceOf(pieces[piece], nearest_of[worker]);
    }
  });
  for (const NearestRows& of_worker : nearest_of) nearest.Merge(of_worker);
}

void NeighborSearchRun::ScanPieceOf(const ScanRange& range, NearestRows& nearest) const {
  const PartPtr& part = selection_.parts[range.part].part;
  const PartDistances distances(request_.query, part, range.part, &task_);
  const uint64_t first = part->FirstRow(range.granules.begin);
  const size_t count = part->RowsIn(range.granules);
  const std::optional<RowBitmap>& bitmap = matching_[range.part].bitmap;
  if (!bitmap || bitmap->CountRange(first, count) == count) {
    distances.AddRange(first, count, nearest);
  } else {
    std::vector<uint32_t> rows;
    for (uint64_t row = first; row < first + count; ++row) {
      if (bitmap->Test(row)) rows.push_back(static_cast<uint32_t>(row));
    }
    distances.AddRows(rows, nearest);
  }
  task_.progress().rows_done += count;
}

}  // namespace granary
