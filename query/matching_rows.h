// Which rows of a table satisfy a condition, as bitmaps: what vector searches are restricted to and
// what DELETE marks.
#pragma once

#include <vector>

#include "granary/query/expression_compiler.h"
#include "granary/query/granule_filter.h"
#include "granary/table/row_bitmap.h"
#include "granary/table/task_context.h"

namespace granary {

// The live rows of the selected granules for which the condition is true: for each selected part,
// one bit per row. Dead rows are not shown to the condition. Reads on all threads of the executor.
std::vector<RowBitmap> FindMatchingRows(const GranuleSelection& selection,
                                        const CompiledExpression& condition,
                                        const TaskContext& task);

}  // namespace granary
