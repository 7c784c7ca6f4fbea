// Which granules of a part set a query has to read: partition values, the primary key and the
// pruning skip indexes drop those in which no row can satisfy the predicate. What is left is exact
// enough for reading and is counted for EXPLAIN.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "granary/parts/table_store.h"
#include "granary/table/predicate.h"
#include "granary/table/settings.h"
#include "granary/table/task_context.h"

namespace granary {

// Parts with something to read and which granules of them: ascending, not empty, not adjacent.
struct SelectedPart {
  PartPtr part;
  std::vector<GranuleRange> ranges;
  DeadRowsPtr dead;  // null: all rows are alive

  size_t granules() const;
  size_t rows() const;  // dead ones included
  size_t LiveRowsIn(GranuleRange granules) const;
  // The live ones of `block`, which has all rows of the granules, `live` of them alive.
  Block FilterLive(const Block& block, GranuleRange granules, size_t live) const;
  // From one entry per live row of the granules to one per row, 0 for the dead.
  std::vector<uint8_t> SpreadMask(std::vector<uint8_t> mask, GranuleRange granules) const;
  bool is_whole() const { return granules() == part->granule_count(); }
};

// One kind of pruning, as EXPLAIN indexes = 1 shows it.
struct PruningStage {
  std::string type;         // "MinMax", "Partition", "PrimaryKey", "Skip"
  std::string name;         // of a skip index
  std::string description;  // of a skip index
  std::string condition;    // of keys
  size_t parts_before = 0;
  size_t parts_after = 0;
  size_t granules_before = 0;
  size_t granules_after = 0;
  size_t damaged_parts = 0;  // in which the skip index is damaged, so that it drops nothing
};

struct GranuleSelection {
  std::vector<SelectedPart> parts;  // in the order of the part set
  std::vector<PruningStage> stages;

  size_t granules() const;
  size_t rows() const;
  size_t range_count() const;
};

// All granules of all parts.
GranuleSelection AllGranules(const PartSet& parts);

// Throws INDEX_NOT_USED if an index that force_data_skipping_indices names cannot be used;
// `other_indexes_used` lists those that the query uses in other ways. Opens sub-indexes; damaged
// ones prune nothing.
GranuleSelection SelectGranules(const PartSet& parts, const Predicate& predicate,
                                const QuerySettings& settings,
                                std::span<const std::string> other_indexes_used,
                                const TaskContext& context);

// Whether the settings allow the index: use_skip_indexes, ignore_data_skipping_indices.
bool IsIndexAllowed(const std::string& name, const QuerySettings& settings);

// The lines of EXPLAIN indexes = 1.
std::vector<std::string> DescribeStages(const GranuleSelection& selection);

}  // namespace granary
