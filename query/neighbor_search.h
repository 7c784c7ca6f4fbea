// SELECT ... [WHERE ...] ORDER BY distance LIMIT k: finds the k nearest rows that match.
//
// After pruning, each part that has sub-indexes of the chosen index is searched through them, all
// other rows exactly. Candidates of all sub-indexes meet in one bounded list, their exact distances
// come from the stored column, and the best k of these and of the scanned rows are the result:
// min(k, matching rows) rows, all matching, with exact distances, ties in the order of parts and
// rows. A sub-index that proposes fewer rows than it has is asked again and at the end scanned.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
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

class NeighborSearchRun {
 public:
  NeighborSearchRun(PartSetPtr parts, const NeighborRequest& request, const TaskContext& task);

  // Best first; at most k. Called once.
  std::vector<RankedRow> Run();

  const GranuleSelection& selection() const { return selection_; }
  const NeighborStatistics& statistics() const { return statistics_; }

 private:
  // The rows of a part that may be returned.
  struct MatchingRows {
    std::optional<RowBitmap> bitmap;  // nothing: all rows of the selected granules
    size_t count = 0;
  };
  // One sub-index to search.
  struct GraphBlock {
    uint32_t part = 0;
    uint64_t first_row = 0;
    size_t rows = 0;
    size_t matching = 0;
    std::shared_ptr<const SubIndex> sub_index;
    std::vector<Candidate> candidates;  // rows of the part
    size_t visited_rows = 0;
    bool is_short = false;              // proposed fewer rows than there are
  };
  // Rows to measure one by one.
  struct ScanRange {
    uint32_t part = 0;
    GranuleRange granules;
  };

  void FindMatchingRows();
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

  const PartSetPtr parts_;
  const NeighborRequest& request_;
  const TaskContext& task_;
  GranuleSelection selection_;
  std::vector<MatchingRows> matching_;  // by part of the selection
  std::vector<GraphBlock> graphs_;
  std::vector<ScanRange> scans_;
  MemoryCharge charge_;
  NeighborStatistics statistics_;
};

}  // namespace granary
