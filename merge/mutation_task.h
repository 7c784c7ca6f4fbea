// Mutations: rewriting parts one by one with the same rows and something else changed; today, which
// sub-indexes they have.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "granary/parts/table_store.h"
#include "granary/table/task_context.h"

namespace granary {

enum class IndexMutation {
  kMaterialize,  // ALTER TABLE ... MATERIALIZE INDEX: build it where it is missing
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

}  // namespace granary
