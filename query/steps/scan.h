// Reading a table: prunes granules, then reads the columns that a query needs, in pieces of a few
// granules that many threads read at once. Where there is a condition, its columns are read first
// and the others only where rows remain.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "granary/query/engine/tables.h"
#include "granary/query/plan/plan.h"
#include "granary/query/read/granule_filter.h"
#include "granary/query/read/row_filter.h"
#include "granary/query/search/distance_range.h"

namespace granary {

class ScanStep final : public PlanStep {
 public:
  // `header` are columns of the table. `notes` are shown by EXPLAIN.
  ScanStep(TablePtr table, Header header, RowFilter filter,
           std::shared_ptr<const QuerySettings> settings, std::vector<std::string> notes);

  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  GranuleSelection Select(StatementContext& context) const;
  // Null if the condition is not about a distance that an index bounds.
  std::shared_ptr<const RangeRows> FindRangeRows(StatementContext& context) const;

  TablePtr table_;
  RowFilter filter_;
  std::shared_ptr<const QuerySettings> settings_;
  std::vector<std::string> notes_;
};

}  // namespace granary
