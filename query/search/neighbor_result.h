// What the steps that search for nearest neighbours share: reading the rows found, and saying what
// was done.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "granary/query/plan/plan.h"
#include "granary/query/search/neighbor_search.h"

namespace granary {

// The named columns of ranked rows, in their order; rows may repeat. Each part is read once and
// front to back.
Block GatherRanked(std::span<const RankedRow> rows, const GranuleSelection& selection,
                   const std::vector<std::string>& columns, const TaskContext& task);

// Their distances; `type` is Float32 or Float64.
ColumnPtr DistanceColumn(std::span<const RankedRow> rows, const DataType& type);

// Throws INCORRECT_QUERY if the index is over vectors of another length than the query's.
void CheckDimensions(const DeclaredIndex& index, const DistanceQuery& query);

// In words: "sub-indexes searched, exact scan of 8192 rows".
std::string StrategyOf(const NeighborStatistics& statistics, bool has_filter);

// Adds what EXPLAIN indexes = 1 says of a search that was run; `index` is null if it was exact.
void DescribeStatistics(const DeclaredIndex* index, GranuleSelection selection,
                        const NeighborStatistics& statistics, bool has_filter,
                        StepDescription& description);

}  // namespace granary
