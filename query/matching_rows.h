// Which rows of a table satisfy a condition, as bitmaps: what vector searches are restricted to and
// what DELETE marks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "granary/parts/part_reader.h"
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

// Whether single rows of a part satisfy a condition: for the few that a search comes to, step by
// step. Belongs to one thread at a time; the condition and the context outlive it.
class RowMatcher {
 public:
  RowMatcher(const PartPtr& part, const CompiledExpression& condition, const TaskContext& task);

  // Sets accepted[i] to 1 or 0: whether the condition is true for row rows[i]. The rows are alive,
  // in any order.
  void Match(std::span<const uint32_t> rows, std::span<uint8_t> accepted);

 private:
  const CompiledExpression& condition_;
  std::optional<PartReader> reader_;  // none: the condition reads no column
};

// What FindMatchingRows and RowMatcher cost, in nanoseconds on one thread, by the size of the
// columns that the condition reads. Of `rows` rows, those of the selection or so many anywhere in
// it.
double CostOfFinding(const GranuleSelection& selection, const CompiledExpression& condition);
double CostOfMatching(size_t rows, const GranuleSelection& selection,
                      const CompiledExpression& condition);

}  // namespace granary
