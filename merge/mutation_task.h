// Mutations: rewriting parts one by one, with the same sub-indexes and other rows, or with the same
// rows and other sub-indexes.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "granary/merge/merge_task.h"
#include "granary/parts/table_store.h"
#include "granary/table/task_context.h"

namespace granary {

enum class IndexMutation {
  kMaterialize,  // ALTER TABLE ... MATERIALIZE INDEX: build it where it is missing or damaged
  kClear,        // ALTER TABLE ... CLEAR INDEX: remove it where there is one
};

// The parts of `base` that the mutation would change. Throws UNKNOWN_IDENTIFIER if `base` declares
// no such index.
std::vector<PartPtr> PartsToMutate(const PartSet& base, std::string_view index_name,
                                   IndexMutation mutation);

// Rewrites `parts`; the other sub-indexes that they have are kept (built anew). All or nothing: the
// parts are exchanged by one commit. False if a part vanished or the schema changed meanwhile: then
// nothing has changed. Throws UNKNOWN_IDENTIFIER if `base` declares no such index, and
// INCORRECT_DATA, which names the row, if the index cannot hold a row.
bool MutateIndex(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> parts,
                 std::string_view index_name, IndexMutation mutation, const TaskContext& context);

// A mutation of rows: made by query/ from ALTER TABLE ... UPDATE and DELETE.
class RowMutation : public RowTransform {
 public:
  // The parts of `base` with live rows that it changes or deletes. Called for each attempt; Apply
  // is then for rows of `base`.
  virtual std::vector<PartPtr> Begin(const PartSetPtr& base) = 0;
};

// Rewrites `parts`, which mutation.Begin(base) returned; builds the sub-indexes that they have. All
// or nothing, and false, as MutateIndex. Rows that a DELETE marks meanwhile are dead afterwards.
// Throws what the mutation throws.
bool MutateRows(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> parts,
                const RowMutation& mutation, const TaskContext& context);

}  // namespace granary
