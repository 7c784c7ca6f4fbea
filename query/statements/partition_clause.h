// PARTITION expression and IN PARTITION expression, as OPTIMIZE and DELETE have them.
#pragma once

#include <optional>
#include <string>

#include "granary/parts/table_store.h"
#include "granary/query/engine/statement_context.h"
#include "granary/query/sql/ast.h"

namespace granary {

// The id of the partition that is named, by ID or by that id as a string or by the values of its
// key; none when the table has no such partition.
std::optional<std::string> PartitionIdOf(const sql::PartitionName& name, const PartSet& parts,
                                         StatementContext& context);

}  // namespace granary
