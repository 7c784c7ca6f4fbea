// Candidates for a vector search from several sub-indexes, of all parts, together.
//
// Each sub-index is first searched with the share of ef_search that falls to its rows. A search of
// all rows in one graph would keep the ef_search nearest it comes across; so a sub-index of which
// even the last row found is nearer than the ef_search-th of all goes on half as wide again, until
// none is. All sub-indexes of a round are searched before any goes on, so that the candidates do
// not depend on the number of threads. (Lucene searches segments with pro-rata k in a similar way,
// lucene#14226.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "granary/query/search/nearest_rows.h"
#include "granary/skipindex/accept_set.h"
#include "granary/skipindex/skip_index.h"
#include "granary/table/task_context.h"

namespace granary {

// One sub-index to search, and what it found.
struct SearchedBlock {
  uint32_t part = 0;  // in the selection
  GranuleRange granules;
  uint64_t first_row = 0;  // of the part
  size_t rows = 0;
  size_t vectors = 0;  // rows that are in the sub-index
  // Rows that may be returned, at least 1; if `decide` is set, at most so many.
  size_t matching = 0;
  const PresentRows* present = nullptr;  // which rows of the part have vectors; null: all
  std::shared_ptr<const SubIndex> sub_index;
  bool is_verified = false;           // the sub-index, every byte
  const RowBitmap* accept = nullptr;  // rows of the part that may be returned; null: all
  AcceptSet::Decide decide;  // about rows of the part that `accept` has; empty: all are accepted
  size_t max_visited = 0;    // NeighborQuery::max_visited

  // Rows of the part, in no order.
  std::vector<Candidate> candidates;
  size_t visited_rows = 0;
  size_t decided_rows = 0;  // how many `decide` was asked about
  // The search ended although rows that are not among the candidates may be results: all of the
  // block must be measured. There are no candidates then.
  bool is_short = false;
};

// Searches all blocks for the k nearest rows of all together with the given effort (ef_search), in
// parallel. `blocks` are of one index.
void SearchBlocks(const DistanceQuery& query, size_t count, size_t effort,
                  std::span<SearchedBlock> blocks, const TaskContext& task);

}  // namespace granary
