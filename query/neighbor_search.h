// SELECT ... [WHERE ...] ORDER BY distance LIMIT k: finds the k nearest rows that match.
//
// After pruning, each part that has sub-indexes of the chosen index is searched through them, all
// other rows exactly. Candidates of all sub-indexes meet in one bounded list, their exact distances
// come from the stored column, and the best k of these and of the scanned rows are the result:
// min(k, matching rows) rows, all matching, with exact distances, ties in the order of parts and
// rows. A sub-index that proposes fewer rows than it has is asked again and at the end scanned.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "granary/query/granule_filter.h"
#include "granary/query/nearest_rows.h"
#include "granary/query/scan.h"
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
  size_t graph_parts = 0;    // parts that they lie in
  size_t scanned_rows = 0;   // rows that were measured exactly without a candidate
  size_t scanned_parts = 0;  // parts with such rows
  size_t matching_rows = 0;  // rows that pass WHERE; all rows without one
  size_t visited_rows = 0;   // rows that the sub-indexes measured
  size_t candidates = 0;     // rows proposed and re-ranked
  size_t reranked_rows = 0;  // rows measured exactly because of them
  size_t candidate_granules = 0;
  size_t parts_read = 0;                  // parts with candidates or scanned rows
  size_t granules_read = 0;               // their granules with candidates or scanned rows
  std::map<std::string, size_t> reasons;  // why parts or blocks were scanned, and how many
};

// The rows of a part that a search may return.
struct MatchingRows {
  std::optional<RowBitmap> bitmap;  // nothing: all rows of the selected granules
  size_t count = 0;
};

// What any number of searches with the same filter have in common. Immutable.
struct SearchableRows {
  PartSetPtr parts;
  GranuleSelection selection;
  std::vector<MatchingRows> matching;  // by part of the selection
  MemoryCharge charge;
};
using SearchableRowsPtr = std::shared_ptr<const SearchableRows>;

// Prunes granules and evaluates WHERE. `index` is the one that will be searched, or null.
SearchableRowsPtr FindSearchableRows(PartSetPtr parts, const DeclaredIndex* index,
                                     const RowFilter& filter, const QuerySettings& settings,
                                     const TaskContext& task);

class NeighborSearchRun {
 public:
  // Granules of one part.
  struct ScanRange {
    uint32_t part = 0;
    GranuleRange granules;

    friend auto operator<=>(const ScanRange& a, const ScanRange& b) {
      return std::tie(a.part, a.granules.begin, a.granules.end) <=>
             std::tie(b.part, b.granules.begin, b.granules.end);
    }
  };

  NeighborSearchRun(PartSetPtr parts, const NeighborRequest& request, const TaskContext& task);
  NeighborSearchRun(SearchableRowsPtr rows, const NeighborRequest& request,
                    const TaskContext& task);

  // Best first; at most k. Called once.
  std::vector<RankedRow> Run();

  // The first half of Run: offers what the sub-indexes find to `nearest` and leaves the rest to the
  // caller, as ranges to scan.
  void SearchIndexes(NearestRows& nearest);
  const std::vector<ScanRange>& scans() const { return scans_; }

  const GranuleSelection& selection() const { return selection_; }
  const NeighborStatistics& statistics() const { return statistics_; }

 private:
  // One sub-index to search.
  struct GraphBlock {
    uint32_t part = 0;
    uint64_t first_row = 0;
    size_t rows = 0;
    size_t matching = 0;
    std::shared_ptr<const SubIndex> sub_index;
    std::vector<Candidate> candidates;  // rows of the part
    size_t visited_rows = 0;
    bool is_short = false;  // proposed fewer rows than there are
  };
  void PlanPart(uint32_t part);
  bool PrefersScan(const MatchingRows& matching, size_t rows) const;
  void AddScan(uint32_t part, GranuleRange granules, const char* reason);
  void SearchGraphs();
  void SearchGraph(GraphBlock& block);
  std::vector<std::vector<uint32_t>> KeepBestCandidates();
  void ExtendToGranules(std::vector<std::vector<uint32_t>>& rows_of_part);
  void Rerank(const std::vector<std::vector<uint32_t>>& rows_of_part, NearestRows& nearest);
  void Scan(NearestRows& nearest);
  void ScanPieceOf(const ScanRange& range, NearestRows& nearest) const;
  void CountGranules(const std::vector<std::vector<uint32_t>>& rows_of_part);
  bool Matches(uint32_t part, uint32_t row) const;
  size_t effort() const;

  const SearchableRowsPtr rows_;
  const NeighborRequest& request_;
  const TaskContext& task_;
  const GranuleSelection& selection_;
  const std::vector<MatchingRows>& matching_;
  std::vector<GraphBlock> graphs_;
  std::vector<ScanRange> scans_;
  NeighborStatistics statistics_;
};

}  // namespace granary
