// WHERE distance < r: which rows of a table may lie within the range, by the codes of a vector
// index, so that a scan need not read the vectors of the others.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/read/granule_filter.h"
#include "granary/query/search/nearest_rows.h"

namespace granary {

// A condition that a row must fulfil: its distance to the query is at most `limit` (under
// dotProduct: at least).
struct DistanceRange {
  DistanceFunction function = DistanceFunction::kL2;
  std::string column;
  ColumnPtr query;  // one row
  bool is_double = false;
  double limit = 0;
};

// The first such condition among those that `condition` joins by AND.
std::optional<DistanceRange> FindDistanceRange(const CompiledExpression& condition);

// Immutable.
class RangeRows {
 public:
  // Null if no index that the settings allow bounds the distances of the range.
  static std::shared_ptr<const RangeRows> Create(const DistanceRange& range, PartSetPtr parts,
                                                 const QuerySettings& settings,
                                                 const DistanceKernels* kernels);

  const std::string& index_name() const { return index_->declaration.name; }
  // Rows of the part that lie in the granules and may be within the range, ascending; dead ones
  // included. Nothing if that is not known, for want of a verified sub-index.
  std::optional<std::vector<uint32_t>> Find(const PartPtr& part, GranuleRange granules,
                                            const TaskContext& task) const;

 private:
  RangeRows(DistanceQuery query, double limit, PartSetPtr parts, const DeclaredIndex* index)
      : query_(std::move(query)), limit_(limit), parts_(std::move(parts)), index_(index) {}

  const DistanceQuery query_;
  const double limit_;
  const PartSetPtr parts_;
  const DeclaredIndex* const index_;  // of parts_
};

}  // namespace granary
