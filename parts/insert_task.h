// The work of one INSERT up to its commit: check, split by partition, sort, write.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "granary/parts/part.h"
#include "granary/parts/table_definition.h"
#include "granary/parts/table_directory.h"
#include "granary/parts/table_store.h"
#include "granary/table/block.h"

namespace granary {

// Writes one part per partition. They vanish unless committed. `next_block` allocates block
// numbers.
std::vector<PartPtr> WriteInsertedParts(const std::shared_ptr<TableDirectory>& directory,
                                        const TableDefinition& table, const Block& block,
                                        const InsertOptions& options,
                                        const std::function<uint64_t()>& next_block,
                                        const TaskContext& context);

// What the first row of the block (where rows may be empty: the first that is not) says about
// indexes without dimensions. Throws INCORRECT_DATA for an empty vector where there may be none.
InferredDimensions InferFromBlock(const std::vector<DeclaredIndex>& indexes, const Block& block,
                                  uint64_t first_row);

}  // namespace granary
