// Reading a table: prunes granules, then reads the columns that a query needs, in pieces of a few
// granules that many threads read at once. Where there is a condition, its columns are read first
// and the others only where rows remain.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "granary/query/distance_range.h"
#include "granary/query/expression_compiler.h"
#include "granary/query/granule_filter.h"
#include "granary/query/plan.h"
#include "granary/query/tables.h"

namespace granary {

// The rows of a WHERE clause: the condition, and what of it lower layers understand.
struct RowFilter {
  CompiledExpressionPtr condition;  // null: all rows
  Predicate predicate;
};

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

// A run of granules of a part: about as many rows as a block has.
struct ScanPiece {
  size_t part = 0;  // in GranuleSelection::parts
  GranuleRange granules;
};
std::vector<ScanPiece> CutIntoPieces(const GranuleSelection& selection, size_t rows_per_piece);

// Column names of a header.
std::vector<std::string> ColumnNames(const Header& header);

}  // namespace granary
