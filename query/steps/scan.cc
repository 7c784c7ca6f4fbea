#include "granary/query/steps/scan.h"

#include <algorithm>
#include <utility>

#include "granary/parts/part_reader.h"
#include "granary/query/engine/statement_context.h"
#include "granary/query/read/scan_pieces.h"
#include "granary/query/steps/plan_steps.h"

namespace granary {
namespace {

// When fewer than one row in so many passes, the other columns are gathered row by row.
constexpr size_t kGatherBelowOneIn = 8;

class ScanPieces final : public PieceReader {
 public:
  ScanPieces(GranuleSelection selection, std::vector<std::string> columns,
             CompiledExpressionPtr condition, std::shared_ptr<const RangeRows> range,
             size_t rows_per_piece, const TaskContext* task)
      : selection_(std::move(selection)),
        pieces_(CutIntoPieces(selection_, rows_per_piece)),
        columns_(std::move(columns)),
        condition_(std::move(condition)),
        range_(std::move(range)),
        task_(task) {
    if (!condition_) return;
    for (const std::string& name : columns_) {
      const auto& filter = condition_->required_columns();
      if (std::find(filter.begin(), filter.end(), name) == filter.end()) rest_.push_back(name);
    }
  }

  size_t count() const override { return pieces_.size(); }

  Block Read(size_t index) const override {
    const ScanPiece& piece = pieces_[index];
    const SelectedPart& selected = selection_.parts[piece.part];
    Block block = ReadLive(selected, piece.granules);
    task_->progress().rows_done += selected.part->RowsIn(piece.granules);
    task_->progress().bytes_done += block.byte_size();
    return block;
  }

 private:
  Block ReadColumns(const PartPtr& part, const std::vector<std::string>& columns,
                    GranuleRange granules) const {
    if (columns.empty()) return Block(part->RowsIn(granules));
    return PartReader(part, columns, *task_).Read(granules);
  }

  Block ReadLive(const SelectedPart& selected, GranuleRange granules) const {
    const size_t live = selected.LiveRowsIn(granules);
    if (live == 0) return Block();
    if (range_ != nullptr) {
      std::optional<std::vector<uint32_t>> rows = range_->Find(selected.part, granules, *task_);
      const size_t all = selected.part->RowsIn(granules);
      if (rows && rows->size() * kGatherBelowOneIn < all) return ReadAmong(selected, *rows);
    }
    if (condition_) return ReadFiltered(selected, granules, live);
    return selected.FilterLive(ReadColumns(selected.part, columns_, granules), granules, live);
  }

  // Of these rows, those that are alive and pass the condition.
  Block ReadAmong(const SelectedPart& selected, std::vector<uint32_t>& rows) const {
    if (selected.dead != nullptr) {
      std::erase_if(rows, [&](uint32_t row) { return selected.dead->rows().Test(row); });
    }
    if (rows.empty()) return Block();
    const Block block =
        PartReader(selected.part, condition_->required_columns(), *task_).Gather(rows);
    std::vector<uint8_t> mask(rows.size());
    const size_t kept = ConditionMask(*condition_->Evaluate(block), mask);
    if (kept == 0) return Block();
    std::vector<uint32_t> kept_rows;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (mask[i] != 0) kept_rows.push_back(rows[i]);
    }
    if (columns_.empty()) return Block(kept);
    return PartReader(selected.part, columns_, *task_).Gather(kept_rows);
  }

  Block ReadFiltered(const SelectedPart& selected, GranuleRange granules, size_t live) const {
    const Block filter_columns = selected.FilterLive(
        ReadColumns(selected.part, condition_->required_columns(), granules), granules, live);
    std::vector<uint8_t> mask(live);
    const size_t kept = ConditionMask(*condition_->Evaluate(filter_columns), mask);
    if (kept == 0) return Block();
    const Block kept_filter = kept == live ? filter_columns : filter_columns.Filter(mask, kept);
    const Block kept_rest =
        ReadRest(selected.part, granules, selected.SpreadMask(std::move(mask), granules), kept);
    Block block(kept);
    for (const std::string& name : columns_) {
      const bool is_rest = std::find(rest_.begin(), rest_.end(), name) != rest_.end();
      block.Add(name, (is_rest ? kept_rest : kept_filter).Get(name));
    }
    return block;
  }

  // The columns that the condition does not read, of the rows that passed it.
  Block ReadRest(const PartPtr& part, GranuleRange granules, std::span<const uint8_t> mask,
                 size_t kept) const {
    if (rest_.empty()) return Block(kept);
    if (kept * kGatherBelowOneIn >= mask.size()) {
      const Block block = ReadColumns(part, rest_, granules);
      return kept == mask.size() ? block : block.Filter(mask, kept);
    }
    std::vector<uint32_t> rows;
    rows.reserve(kept);
    for (size_t row = 0; row < mask.size(); ++row) {
      if (mask[row] != 0)
        rows.push_back(static_cast<uint32_t>(part->FirstRow(granules.begin) + row));
    }
    return PartReader(part, rest_, *task_).Gather(rows);
  }

  const GranuleSelection selection_;
  const std::vector<ScanPiece> pieces_;
  const std::vector<std::string> columns_;
  const CompiledExpressionPtr condition_;
  const std::shared_ptr<const RangeRows> range_;  // null: every row may be within
  const TaskContext* task_;
  std::vector<std::string> rest_;
};

}  // namespace

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
      std::make_unique<ScanPieces>(std::move(selection), ColumnNames(header()), filter_.condition,
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
