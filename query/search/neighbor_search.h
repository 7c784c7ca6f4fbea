// SELECT ... [WHERE ...] ORDER BY distance LIMIT k: finds the k nearest rows that match.
//
// After pruning, the rows of each index block are either searched through its sub-index
// (sub_index_search.h) or measured exactly (vector_scan.h), whichever costs less; rows without a
// sub-index are measured exactly. Candidates of all sub-indexes meet in one bounded list, their
// exact distances come from the stored column, and the best k of these and of the scanned rows are
// the result: min(k, matching rows) rows, all matching, with exact distances, ties in the order of
// parts and rows. A sub-index that proposes fewer rows than it has is asked again and at the end
// scanned. Rows without a vector have the distance NaN: they come last, if others are too few.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/query/read/granule_filter.h"
#include "granary/query/read/row_filter.h"
#include "granary/query/search/nearest_rows.h"
#include "granary/query/search/sub_index_search.h"
#include "granary/query/search/vector_scan.h"
#include "granary/table/row_bitmap.h"

namespace granary {

struct NeighborRequest {
  const DistanceQuery* query = nullptr;
  size_t count = 0;                      // k
  const DeclaredIndex* index = nullptr;  // null: exact
  const RowFilter* filter = nullptr;
  const QuerySettings* settings = nullptr;
};

// What a search did, for EXPLAIN.
struct NeighborStatistics {
  size_t graph_blocks = 0;   // sub-indexes that were searched
  size_t scanned_rows = 0;   // rows that were measured exactly without a candidate
  size_t bounded_rows = 0;   // of them, those whose sub-index tells by codes which are too far
  size_t matching_rows = 0;  // rows with a vector that pass WHERE; all such rows without one
  size_t visited_rows = 0;   // rows that the sub-indexes measured
  size_t decided_rows = 0;   // rows that WHERE was evaluated for as a search came to them
  size_t candidates = 0;     // rows proposed and re-ranked
  size_t reranked_rows = 0;  // rows measured exactly because of them
  size_t candidate_granules = 0;
  size_t parts_read = 0;                  // parts with candidates or scanned rows
  size_t granules_read = 0;               // their granules with candidates or scanned rows
  std::map<std::string, size_t> reasons;  // why parts or blocks were scanned, and how many
};

// The rows of a part that a search may return, those that have a vector.
struct MatchingRows {
  // Nothing: all rows of the part (or those that `present` has).
  std::optional<RowBitmap> bitmap;
  size_t count = 0;

  const PresentRows* present = nullptr;  // null: all rows of the part have a vector
  // With `present`: the rows without a vector that a search may return. Nothing: all of them.
  std::optional<RowBitmap> absent;

  // Null: all rows of the part.
  const RowBitmap* rows() const {
    if (bitmap) return &*bitmap;
    return present == nullptr ? nullptr : &present->rows();
  }
};

// What any number of searches with the same filter have in common. Immutable.
struct SearchableRows {
  PartSetPtr parts;
  std::string column;  // of the vectors
  std::shared_ptr<const GranuleSelection> selection;
  std::vector<MatchingRows> matching;  // by part of the selection
  // WHERE, if it has not been evaluated: `matching` are then the live rows of the selection.
  CompiledExpressionPtr condition;
  MemoryCharge charge;
};
using SearchableRowsPtr = std::shared_ptr<const SearchableRows>;

// Prunes granules. The vectors are those of `column`; `index` is the one that will be searched, or
// null.
SearchableRowsPtr SelectSearchableRows(PartSetPtr parts, const std::string& column,
                                       const DeclaredIndex* index, const RowFilter& filter,
                                       const QuerySettings& settings, const TaskContext& task);
// Evaluates WHERE for all of them.
SearchableRowsPtr FindSearchableRows(const SearchableRowsPtr& selected, const TaskContext& task);

// Completes `nearest` with rows that have no vector or, if the query has none, with any. Evaluates
// WHERE if it has not been and such rows are needed.
void AddRowsWithoutDistance(SearchableRowsPtr rows, const DistanceQuery& query,
                            const TaskContext& task, NearestRows& nearest);

class NeighborSearchRun {
 public:
  // Where WHERE has not been evaluated, it is for all rows or for those that the search comes to,
  // whichever costs less.
  NeighborSearchRun(SearchableRowsPtr rows, const NeighborRequest& request,
                    const TaskContext& task);

  // Best first; at most k. Called once.
  ChargedVector<RankedRow> Run();

  // The first part of Run: offers what the sub-indexes find to `nearest` and leaves the rest to the
  // caller, in scan() and AddRowsWithoutDistance.
  void SearchIndexes(NearestRows& nearest);
  const VectorScan& scan() const { return scan_; }

  const GranuleSelection& selection() const { return *rows_->selection; }
  const NeighborStatistics& statistics() const { return statistics_; }

 private:
  void PlanPart(uint32_t part);
  void PlanBlock(SearchedBlock block);
  // Whether to measure the matching rows of the block rather than to walk its graph.
  bool PrefersScan(SearchedBlock& block) const;
  // The width that a search of the block is likely to have.
  double WidthIn(const SearchedBlock& block) const;
  // Of its matching rows, in nanoseconds.
  double CostOfScan(const SearchedBlock& block) const;
  // Where WHERE is evaluated as the walk comes to rows: when to give up.
  void LimitVisits(SearchedBlock& block) const;
  // Whether WHERE is to be evaluated for the rows only that the search comes to.
  bool EvaluatesLazily() const;
  void KeepMatching(uint32_t part, std::vector<uint32_t>& rows);
  AcceptSet::Decide DecideIn(const SelectedPart& selected) const;
  void AddScan(const VectorScanRange& range, const char* reason);
  void AddScans();
  // Evaluates WHERE for all rows of scans_.
  void MatchScannedRows();
  VectorScanRange ScanOf(const SearchedBlock& block) const;
  void SearchGraphs();
  std::vector<std::vector<uint32_t>> KeepBestCandidates();
  void ExtendToGranules(std::vector<std::vector<uint32_t>>& rows_of_part);
  void Rerank(const std::vector<std::vector<uint32_t>>& rows_of_part, NearestRows& nearest);
  void CountGranules(const std::vector<std::vector<uint32_t>>& rows_of_part);
  const RowBitmap* MatchingIn(uint32_t part) const { return rows_->matching[part].rows(); }
  size_t effort() const;

  SearchableRowsPtr rows_;
  const NeighborRequest& request_;
  const TaskContext& task_;
  double cost_of_finding_ = 0;  // what it costs to evaluate WHERE for all rows
  std::vector<SearchedBlock> graphs_;
  std::vector<VectorScanRange> scans_;
  std::vector<RowBitmap> scanned_rows_;  // what of them matches, where WHERE is evaluated late
  VectorScan scan_;
  NeighborStatistics statistics_;
};

}  // namespace granary
