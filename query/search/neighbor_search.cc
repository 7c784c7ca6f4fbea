#include "granary/query/search/neighbor_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <boost/container/small_vector.hpp>

#include "granary/query/read/matching_rows.h"

namespace granary {
namespace {

// What a search costs, in nanoseconds, as measured on GloVe-100 and MNIST-784 (ARCHITECTURE.md).
struct SearchCosts {
  // Rows in sequence or nearly so, measured by what `bytes` of each say.
  static double OfScan(size_t rows, size_t bytes) {
    return static_cast<double>(rows) * (4 + 0.035 * static_cast<double>(bytes));
  }
  // Rows at random places, one after another, and the links that lead there.
  static double OfWalk(double rows, size_t bytes) {
    return rows * (45 + 0.06 * static_cast<double>(bytes));
  }
  // Rows that a walk measures for each of its width.
  static constexpr double kRowsPerEffort = 16;
  // Of the rows in its beam so many are to match.
  static constexpr double kMatchingShare = 1.0 / NeighborQuery::kAcceptedShare;
  // Of several sub-indexes each takes its share of the effort, and about so much more.
  static constexpr double kEffortPerBlock = 60;
};

const PresentRows* PresentIn(const Part& part, const std::string& column) {
  const StoredVectors* vectors = part.Vectors(column);
  return vectors == nullptr ? nullptr : vectors->present();
}

// For a bitmap of each part, or two.
MemoryCharge ChargeOf(const SearchableRows& rows, const TaskContext& task) {
  size_t bytes = 0;
  for (const SelectedPart& selected : rows.selection->parts) {
    const size_t bitmaps = PresentIn(*selected.part, rows.column) == nullptr ? 1 : 2;
    bytes += bitmaps * selected.part->rows() / 8;
  }
  return MemoryCharge(task.memory(), bytes, "the rows that may be returned");
}

bool HasBounds(const SearchedBlock& block) {
  return block.is_verified && block.sub_index->neighbor_searcher()->has_bounds();
}

// Tells the rows without a vector from the others and counts these.
void SplitAbsent(const SelectedPart& selected, const PresentRows* present, MatchingRows& matching) {
  matching.present = present;
  if (present != nullptr && matching.bitmap) {
    matching.absent = matching.bitmap;
    matching.absent->AndNot(present->rows());
    matching.bitmap->And(present->rows());
  }
  const RowBitmap* rows = matching.rows();
  matching.count = rows == nullptr ? selected.rows() : rows->Count();
}

// At most `count` rows, ascending.
void AddFirst(uint32_t part, const RowBitmap& rows, double distance, size_t count,
              NearestRows& nearest) {
  for (uint32_t row = 0; row < rows.size() && count > 0; ++row) {
    if (!rows.Test(row)) continue;
    nearest.Add(part, row, distance);
    --count;
  }
}

RowBitmap AbsentRows(const MatchingRows& matching) {
  if (matching.absent) return *matching.absent;
  RowBitmap absent(matching.present->rows().size(), true);
  absent.AndNot(matching.present->rows());
  return absent;
}

}  // namespace

SearchableRowsPtr SelectSearchableRows(PartSetPtr parts, const std::string& column,
                                       const DeclaredIndex* index, const RowFilter& filter,
                                       const QuerySettings& settings, const TaskContext& task) {
  std::span<const std::string> used;
  if (index != nullptr) used = {&index->declaration.name, 1};
  auto rows = std::make_shared<SearchableRows>();
  rows->selection = std::make_shared<const GranuleSelection>(
      SelectGranules(*parts, filter.predicate, settings, used, task));
  rows->parts = std::move(parts);
  rows->column = column;
  rows->condition = filter.condition;
  rows->charge = ChargeOf(*rows, task);
  for (const SelectedPart& selected : rows->selection->parts) {
    MatchingRows& matching = rows->matching.emplace_back();
    if (!selected.is_whole()) {
      matching.bitmap.emplace(selected.part->rows());
      for (const GranuleRange& range : selected.ranges) {
        matching.bitmap->SetRange(selected.part->FirstRow(range.begin),
                                  selected.part->RowsIn(range));
      }
    } else if (selected.dead != nullptr) {
      matching.bitmap.emplace(selected.part->rows(), true);
    }
    if (selected.dead != nullptr) matching.bitmap->AndNot(selected.dead->rows());
    SplitAbsent(selected, PresentIn(*selected.part, column), matching);
  }
  return rows;
}

SearchableRowsPtr FindSearchableRows(const SearchableRowsPtr& selected, const TaskContext& task) {
  if (!selected->condition) return selected;
  auto rows = std::make_shared<SearchableRows>();
  rows->parts = selected->parts;
  rows->column = selected->column;
  rows->selection = selected->selection;
  rows->charge = ChargeOf(*rows, task);
  for (RowBitmap& found : FindMatchingRows(*rows->selection, *selected->condition, task)) {
    const size_t part = rows->matching.size();
    MatchingRows& matching = rows->matching.emplace_back();
    matching.bitmap = std::move(found);
    SplitAbsent(rows->selection->parts[part], selected->matching[part].present, matching);
  }
  return rows;
}

void AddRowsWithoutDistance(SearchableRowsPtr rows, const DistanceQuery& query,
                            const TaskContext& task, NearestRows& nearest) {
  // Where a distance is infinite, NaN is still farther.
  if (nearest.size() == nearest.limit() && !std::isinf(nearest.farthest_distance())) return;
  const bool has_any =
      query.dimensions() == 0 ||
      std::any_of(rows->matching.begin(), rows->matching.end(),
                  [](const MatchingRows& matching) { return matching.present != nullptr; });
  if (!has_any) return;
  rows = FindSearchableRows(rows, task);
  for (uint32_t part = 0; part < rows->matching.size(); ++part) {
    const MatchingRows& matching = rows->matching[part];
    if (matching.present != nullptr) {
      AddFirst(part, AbsentRows(matching), query.distance_to_missing(), nearest.limit(), nearest);
    }
    if (query.dimensions() > 0) continue;
    const RowBitmap all(rows->selection->parts[part].part->rows(), true);
    const RowBitmap& with_vector = matching.rows() == nullptr ? all : *matching.rows();
    AddFirst(part, with_vector, std::numeric_limits<double>::quiet_NaN(), nearest.limit(), nearest);
  }
}

NeighborSearchRun::NeighborSearchRun(SearchableRowsPtr rows, const NeighborRequest& request,
                                     const TaskContext& task)
    : rows_(std::move(rows)), request_(request), task_(task), scan_(&selection(), &task) {
  if (rows_->condition) {
    cost_of_finding_ = CostOfFinding(selection(), *rows_->condition);
    if (!EvaluatesLazily()) rows_ = FindSearchableRows(rows_, task);
  }
  for (const MatchingRows& matching : rows_->matching) statistics_.matching_rows += matching.count;
}

ChargedVector<RankedRow> NeighborSearchRun::Run() {
  NearestRows nearest(request_.count, request_.query->function() == DistanceFunction::kDotProduct);
  SearchIndexes(nearest);
  if (!scan_.empty()) scan_.Run({request_.query, 1}, {&nearest, 1});
  AddRowsWithoutDistance(rows_, *request_.query, task_, nearest);
  return nearest.TakeSorted();
}

void NeighborSearchRun::SearchIndexes(NearestRows& nearest) {
  for (uint32_t part = 0; part < selection().parts.size(); ++part) PlanPart(part);
  SearchGraphs();
  AddScans();
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

bool NeighborSearchRun::EvaluatesLazily() const {
  const QuerySettings& settings = *request_.settings;
  const CompiledExpression& condition = *rows_->condition;
  if (request_.index == nullptr || !condition.root()->is_deterministic()) return false;
  if (settings.vector_search_filter_strategy == FilterStrategy::kPostfilter) return true;
  if (settings.vector_search_filter_strategy == FilterStrategy::kPrefilter ||
      settings.vector_search_method == VectorSearchMethod::kScan) {
    return false;
  }
  // At worst the first step shows that WHERE had better been evaluated for all rows.
  constexpr size_t kProbe = NeighborQuery::kProbeWidth;
  const double walk =
      SearchCosts::OfWalk(kProbe * SearchCosts::kRowsPerEffort, request_.query->dimensions());
  const auto parts = static_cast<double>(selection().parts.size());
  return 2 * parts * (walk + CostOfMatching(kProbe, selection(), condition)) < cost_of_finding_ &&
         CostOfMatching(effort(), selection(), condition) < cost_of_finding_;
}

void NeighborSearchRun::AddScan(const VectorScanRange& range, const char* reason) {
  scans_.push_back(range);
  ++statistics_.reasons[reason];
}

void NeighborSearchRun::AddScans() {
  if (rows_->condition && !scans_.empty()) MatchScannedRows();
  for (const VectorScanRange& range : scans_) {
    const size_t rows = range.CountRows(*selection().parts[range.part].part);
    statistics_.scanned_rows += rows;
    if (range.sub_index != nullptr) statistics_.bounded_rows += rows;
    scan_.Add(range);
  }
}

void NeighborSearchRun::MatchScannedRows() {
  GranuleSelection scanned;
  for (const SelectedPart& selected : selection().parts) {
    scanned.parts.push_back({.part = selected.part, .dead = selected.dead});
  }
  for (const VectorScanRange& range : scans_) {
    scanned.parts[range.part].ranges.push_back(range.granules);
  }
  scanned_rows_ = FindMatchingRows(scanned, *rows_->condition, task_);
  for (size_t part = 0; part < scanned_rows_.size(); ++part) {
    const PresentRows* present = rows_->matching[part].present;
    if (present != nullptr) scanned_rows_[part].And(present->rows());
  }
  for (VectorScanRange& range : scans_) range.matching = &scanned_rows_[range.part];
}

VectorScanRange NeighborSearchRun::ScanOf(const SearchedBlock& block) const {
  return {.part = block.part,
          .granules = block.granules,
          .matching = block.accept,
          .sub_index = HasBounds(block) ? block.sub_index : nullptr,
          .block_first_row = block.first_row};
}

void NeighborSearchRun::PlanPart(uint32_t number) {
  const SelectedPart& selected = selection().parts[number];
  const MatchingRows& matching = rows_->matching[number];
  if (matching.count == 0 || request_.count == 0) return;
  if (request_.query->dimensions() == 0) return;  // AddRowsWithoutDistance has them all
  const PartIndex* stored =
      request_.index == nullptr ? nullptr : selected.part->FindIndex(*request_.index);
  if (stored == nullptr) {
    const char* reason =
        request_.index == nullptr ? "no index is used" : "the part has no sub-index";
    for (const GranuleRange& range : selected.ranges) {
      AddScan({.part = number, .granules = range, .matching = MatchingIn(number)}, reason);
    }
    return;
  }
  for (size_t index = 0; index < stored->blocks.size(); ++index) {
    const PartIndexBlock& place = stored->blocks[index];
    SearchedBlock block{.part = number,
                        .granules = place.granules,
                        .first_row = place.first_row,
                        .rows = static_cast<size_t>(place.rows),
                        .vectors = static_cast<size_t>(place.rows),
                        .matching = static_cast<size_t>(place.rows),
                        .present = matching.present,
                        .accept = MatchingIn(number),
                        .decide = DecideIn(selected)};
    if (block.present != nullptr) {
      block.vectors = block.present->CountIn(block.first_row, block.rows);
    }
    if (block.accept != nullptr) {
      block.matching = block.rows == block.accept->size()
                           ? matching.count
                           : block.accept->CountRange(block.first_row, block.rows);
    }
    if (block.matching == 0) continue;
    block.sub_index = selected.part->OpenSubIndex(*request_.index, index, task_);
    block.is_verified = selected.part->IsSubIndexVerified(*request_.index, index);
    PlanBlock(std::move(block));
  }
}

void NeighborSearchRun::PlanBlock(SearchedBlock block) {
  if (block.sub_index == nullptr || block.sub_index->neighbor_searcher() == nullptr) {
    AddScan({.part = block.part, .granules = block.granules, .matching = block.accept},
            "a sub-index is damaged");
  } else if (block.sub_index->neighbor_searcher()->is_flat()) {
    AddScan(ScanOf(block), "the block is too small for a graph");
  } else if (PrefersScan(block)) {
    const char* few = request_.filter->condition ? "few rows match WHERE" : "few rows are alive";
    AddScan(ScanOf(block),
            block.matching < block.vectors ? few : "a scan costs less than the graph");
  } else {
    if (block.decide) LimitVisits(block);
    graphs_.push_back(std::move(block));
  }
}

double NeighborSearchRun::WidthIn(const SearchedBlock& block) const {
  const double share =
      static_cast<double>(block.matching) / static_cast<double>(statistics_.matching_rows);
  return share * static_cast<double>(effort()) + (1 - share) * SearchCosts::kEffortPerBlock;
}

double NeighborSearchRun::CostOfScan(const SearchedBlock& block) const {
  const NeighborSearcher& searcher = *block.sub_index->neighbor_searcher();
  const StoredVectors* vectors =
      selection().parts[block.part].part->Vectors(request_.query->column());
  // Whether the bounds have been verified yet does not count: the same search is always made in the
  // same way.
  const size_t bytes = searcher.has_bounds() || vectors == nullptr ? searcher.bytes_per_row()
                                                                   : vectors->rows().stride_bytes;
  return SearchCosts::OfScan(block.matching, bytes);
}

void NeighborSearchRun::LimitVisits(SearchedBlock& block) const {
  // A walk that measures V rows holds V / kRowsPerEffort in its beam and looks each up. Instead,
  // WHERE can be evaluated for all rows, and those that match walked to or scanned: of all rows the
  // share that this walk wants of its beam. V is half as much again as the cheaper of the two
  // allows, as few rows tell how many match, and what was measured is lost.
  const double width = WidthIn(block);
  const auto looked_up = static_cast<size_t>(width);
  const double lookup =
      CostOfMatching(looked_up, selection(), *rows_->condition) / std::max(width, 1.0);
  const double share =
      static_cast<double>(block.matching) / static_cast<double>(statistics_.matching_rows);
  const double finding = share * cost_of_finding_;
  const double per_lookup = lookup / SearchCosts::kRowsPerEffort;
  const double per_row =
      per_lookup + SearchCosts::OfWalk(1, block.sub_index->neighbor_searcher()->bytes_per_row());
  const double wanted =
      std::max(static_cast<double>(request_.count), width * SearchCosts::kMatchingShare);
  const double scan_times_visits = CostOfScan(block) * wanted * SearchCosts::kRowsPerEffort;
  const double until_walk = finding / per_lookup;
  // Solves V * per_row = finding + scan_times_visits / V.
  const double until_scan =
      (finding + std::sqrt(finding * finding + 4 * per_row * scan_times_visits)) / (2 * per_row);
  block.max_visited = static_cast<size_t>(1.5 * std::min(until_walk, until_scan));
  if (request_.settings->vector_search_filter_strategy == FilterStrategy::kPostfilter) {
    const auto expected = static_cast<size_t>(2 * width * SearchCosts::kRowsPerEffort);
    block.max_visited = std::max(block.max_visited, expected);
  }
}

bool NeighborSearchRun::PrefersScan(SearchedBlock& block) const {
  const QuerySettings& settings = *request_.settings;
  // The strategy is about WHERE, not about dead rows.
  if (request_.filter->condition &&
      settings.vector_search_filter_strategy != FilterStrategy::kAuto) {
    return settings.vector_search_filter_strategy == FilterStrategy::kPrefilter;
  }
  if (settings.vector_search_method != VectorSearchMethod::kAuto) {
    return settings.vector_search_method == VectorSearchMethod::kScan;
  }
  const size_t code_bytes = block.sub_index->neighbor_searcher()->bytes_per_row();
  const double pass_rate = static_cast<double>(block.matching) / static_cast<double>(block.vectors);
  const double width = WidthIn(block) * std::max(1.0, SearchCosts::kMatchingShare / pass_rate);
  const double visited =
      std::min(width * SearchCosts::kRowsPerEffort, static_cast<double>(block.vectors));
  const double scan = CostOfScan(block);
  if (scan <= SearchCosts::OfWalk(visited, code_bytes)) return true;
  // Where the rows that match are not those near the query, the walk is soon given up.
  if (block.matching < block.vectors && !block.decide) {
    block.max_visited = static_cast<size_t>(
        std::max(1.5 * visited, 0.5 * scan / SearchCosts::OfWalk(1, code_bytes)));
  }
  return false;
}

void NeighborSearchRun::SearchGraphs() {
  if (graphs_.empty()) return;
  SearchBlocks(*request_.query, request_.count, effort(), graphs_, task_);
  statistics_.graph_blocks = graphs_.size();
  for (const SearchedBlock& block : graphs_) {
    statistics_.visited_rows += block.visited_rows;
    statistics_.decided_rows += block.decided_rows;
    if (!block.is_short) continue;
    AddScan(ScanOf(block), block.decide ? "WHERE is true for few rows near the query"
                                        : "the graph reached too few rows");
  }
}

void NeighborSearchRun::KeepMatching(uint32_t part, std::vector<uint32_t>& rows) {
  std::vector<uint8_t> accepted(rows.size());
  MatchRows(selection().parts[part].part, rows, *rows_->condition, task_, accepted);
  statistics_.decided_rows += rows.size();
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (accepted[i] != 0) rows[kept++] = rows[i];
  }
  rows.resize(kept);
}

AcceptSet::Decide NeighborSearchRun::DecideIn(const SelectedPart& selected) const {
  if (!rows_->condition) return {};
  return [this, &part = selected.part](auto rows, auto accepted) {
    MatchRows(part, rows, *rows_->condition, task_, accepted);
  };
}

std::vector<std::vector<uint32_t>> NeighborSearchRun::KeepBestCandidates() {
  struct PartCandidate {
    float distance;
    uint32_t part;
    uint32_t row;
  };
  boost::container::small_vector<PartCandidate, 256, ChargedAllocator<PartCandidate>> all;
  size_t most = effort();
  for (const SearchedBlock& block : graphs_) {
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
  std::vector<std::vector<uint32_t>> rows_of_part(selection().parts.size());
  if (rows_of_part.size() == 1) rows_of_part.front().reserve(all.size());
  for (const PartCandidate& candidate : all) rows_of_part[candidate.part].push_back(candidate.row);
  statistics_.candidates = kept;
  for (std::vector<uint32_t>& rows : rows_of_part) std::sort(rows.begin(), rows.end());
  return rows_of_part;
}

void NeighborSearchRun::CountGranules(const std::vector<std::vector<uint32_t>>& rows_of_part) {
  const std::vector<VectorScanRange> scans = scan_.ranges();
  for (uint32_t number = 0; number < rows_of_part.size(); ++number) {
    const Part& part = *selection().parts[number].part;
    RowBitmap granules(part.granule_count());
    for (const uint32_t row : rows_of_part[number]) granules.Set(row / part.granule_rows());
    statistics_.candidate_granules += granules.Count();
    for (const VectorScanRange& scan : scans) {
      if (scan.part == number) granules.SetRange(scan.granules.begin, scan.granules.size());
    }
    statistics_.granules_read += granules.Count();
    statistics_.parts_read += granules.Count() > 0 ? 1 : 0;
  }
}

void NeighborSearchRun::ExtendToGranules(std::vector<std::vector<uint32_t>>& rows_of_part) {
  for (uint32_t number = 0; number < rows_of_part.size(); ++number) {
    const Part& part = *selection().parts[number].part;
    const RowBitmap* matching = MatchingIn(number);
    std::vector<uint32_t> extended;
    size_t next_granule = 0;
    for (const uint32_t row : rows_of_part[number]) {
      const size_t granule = row / part.granule_rows();
      if (granule < next_granule) continue;
      next_granule = granule + 1;
      const auto first = static_cast<uint32_t>(part.FirstRow(granule));
      const auto end = static_cast<uint32_t>(first + part.RowsIn({granule, granule + 1}));
      for (uint32_t other = first; other < end; ++other) {
        if (matching == nullptr || matching->Test(other)) extended.push_back(other);
      }
    }
    if (rows_->condition && !extended.empty()) KeepMatching(number, extended);
    rows_of_part[number] = std::move(extended);
  }
}

void NeighborSearchRun::Rerank(const std::vector<std::vector<uint32_t>>& rows_of_part,
                               NearestRows& nearest) {
  for (uint32_t part = 0; part < rows_of_part.size(); ++part) {
    if (rows_of_part[part].empty()) continue;
    statistics_.reranked_rows += rows_of_part[part].size();
    PartDistances(request_.query, selection().parts[part].part, part, &task_)
        .AddRows(rows_of_part[part], nearest);
  }
}

}  // namespace granary
