#include "granary/query/steps/scan.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/steps/table_pieces.h"

namespace granary {

ScanStep::ScanStep(TablePtr table, Header header, RowFilter filter,
                   std::shared_ptr<const QuerySettings> settings, std::vector<std::string> notes)
    : PlanStep(std::move(header)),
      table_(std::move(table)),
      filter_(std::move(filter)),
      settings_(std::move(settings)),
      notes_(std::move(notes)) {}

GranuleSelection ScanStep::Select(StatementContext& context) const {
  return SelectGranules(*context.Parts(*table_), filter_.predicate, *settings_, {}, context.task());
}

std::shared_ptr<const RangeRows> ScanStep::FindRangeRows(StatementContext& context) const {
  if (!filter_.condition) return nullptr;
  const std::optional<DistanceRange> range = FindDistanceRange(*filter_.condition);
  if (!range) return nullptr;
  return RangeRows::Create(*range, context.Parts(*table_), *settings_, context.functions().kernels);
}

BlockStreamPtr ScanStep::Open(StatementContext& context) const {
  GranuleSelection selection = Select(context);
  context.task().progress().rows_total += selection.rows();
  return std::make_unique<PieceStream>(
      std::make_unique<TablePieces>(std::move(selection), ColumnNames(header()), filter_.condition,
                                    FindRangeRows(context), settings_->max_block_size,
                                    &context.task()),
      &context.task());
}

StepDescription ScanStep::Describe(StatementContext& context, bool with_indexes) const {
  StepDescription description;
  description.title = "ReadFromMergeTree (default." + table_->name + ")";
  if (filter_.condition) {
    description.details.push_back("Filter column: " + filter_.condition->text());
  }
  if (const auto range = FindRangeRows(context)) {
    description.details.push_back("Range: rows beyond it are left out by the codes of index '" +
                                  range->index_name() + "'");
  }
  description.details.insert(description.details.end(), notes_.begin(), notes_.end());
  if (with_indexes) {
    description.indexes.push_back("Indexes:");
    for (std::string& line : DescribeStages(Select(context))) {
      description.indexes.push_back(std::move(line));
    }
  }
  return description;
}

}  // namespace granary
