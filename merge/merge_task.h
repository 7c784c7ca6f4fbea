// Merging parts into one: streams their live rows through a SortedCursor into the same PartWriter
// that inserts use, which builds the sub-indexes anew for the merged row order, and puts the result
// in the place of the inputs by compare-and-swap (TableStore::CommitMerge). A mutation is a merge
// of one part (mutation_task.h).
//
// Memory: one block of each input (merge_max_block_size rows, at least a granule; columns stored
// with a fixed stride are views of the memory map and cost nothing), one block of output, and what
// the PartWriter and its index builders hold. All of it is charged to the context's tracker.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "granary/parts/part_writer.h"
#include "granary/parts/table_store.h"
#include "granary/table/task_context.h"

namespace granary {

// The declared indexes that a merge builds: all, or none if the table's
// materialize_skip_indexes_on_merge is off.
std::vector<std::string> IndexesToMerge(const PartSet& base);

// What WriteMergedPart adds to the rows done of its progress: each row once, and once more for each
// index over vectors that is built, which is where most of the time goes.
uint64_t MergeWorkRows(const PartSet& base, std::span<const PartPtr> inputs,
                       const MergeWriterOptions& options);

// What a mutation does to rows on their way from a part to its successor. Used by one thread at a
// time.
class RowTransform {
 public:
  virtual ~RowTransform() = default;
  // The rows of a part after the mutation: the same columns, without the rows that are deleted.
  // `kept` has one entry per row of `rows`, 1 on entry; those of deleted rows become 0. Sorting key
  // and partition key stay as they are.
  virtual Block Apply(const Part& part, const Block& rows, std::span<uint8_t> kept) const = 0;
};

// Writes the rows of `inputs` (at least one; parts of one partition of `base`, by first block
// number) that are alive in `base` as a new part, which nobody sees yet. Rows go through
// `transform`, if there is one, which is for one input. Checks for cancellation at least every
// 50 ms. Whatever is thrown, nothing is left behind.
MergeOutput WriteMergedPart(TableStore& store, const PartSetPtr& base,
                            std::span<const PartPtr> inputs, const MergeWriterOptions& options,
                            const TaskContext& context, const RowTransform* transform = nullptr);

// WriteMergedPart with IndexesToMerge, and the commit. If an index over vectors does not fit into
// the memory limit, the part is written without it, with a warning. False if meanwhile an input
// vanished (TRUNCATE, DROP, a mutation) or the schema changed: then the result is discarded and
// nothing has changed. Rows that a DELETE marks meanwhile are dead in the result.
bool MergeParts(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> inputs,
                const TaskContext& context);

}  // namespace granary
