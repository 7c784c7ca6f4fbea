// Which rows of a table satisfy a condition, as bitmaps: what vector searches are restricted to and
// what DELETE marks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/read/granule_filter.h"
#include "granary/table/row_bitmap.h"
#include "granary/table/task_context.h"

namespace granary {

// The live rows of the selected granules for which the condition is true: for each selected part,
// one bit per row. Dead rows are not shown to the condition. Reads on all threads of the executor.
std::vector<RowBitmap> FindMatchingRows(const GranuleSelection& selection,
                                        const CompiledExpression& condition,
                                        const TaskContext& task);

// Sets accepted[i] to 1 or 0: whether the condition is true for row rows[i] of the part. For few
// rows; they are ascending or not and alive.
void MatchRows(const PartPtr& part, std::span<const uint32_t> rows,
               const CompiledExpression& condition, const TaskContext& task,
               std::span<uint8_t> accepted);

// What FindMatchingRows and MatchRows cost, in nanoseconds on one thread, by the size of the
// columns that the condition reads. Of `rows` rows, those of the selection or so many anywhere in
// it.
double CostOfFinding(const GranuleSelection& selection, const CompiledExpression& condition);
double CostOfMatching(size_t rows, const GranuleSelection& selection,
                      const CompiledExpression& condition);

}  // namespace granary
