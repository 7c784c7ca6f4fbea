#include "granary/query/steps/top_rows.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/search/neighbor_result.h"
#include "granary/query/steps/table_pieces.h"

namespace granary {
namespace {

constexpr uint64_t kNoBound = std::numeric_limits<uint64_t>::max();

// Column `column` at `row` as SortCodes has it, or the best code there is where it says nothing of
// the rows around it: where numbers end NaN begins.
uint64_t CodeAt(const ColumnPtr& column, size_t row, const SortKey& key) {
  const ColumnPtr one = column->Slice(row, 1)->Materialize();
  if (one->type().is_float() && std::isnan(one->ValueAt(0).as_double())) return 0;
  return SortCodes(*one, key).front();
}

}  // namespace

TopRowsStep::TopRowsStep(TablePtr table, Header header, RowFilter filter, std::vector<Key> keys,
                         size_t count, std::shared_ptr<const QuerySettings> settings,
                         std::vector<std::string> notes)
    : PlanStep(std::move(header)),
      table_(std::move(table)),
      filter_(std::move(filter)),
      keys_(std::move(keys)),
      count_(count),
      settings_(std::move(settings)),
      notes_(std::move(notes)) {
  for (const Key& key : keys_) {
    sort_keys_.push_back(key.key);
    for (const std::string& column : key.expression->required_columns()) {
      if (std::find(read_columns_.begin(), read_columns_.end(), column) == read_columns_.end()) {
        read_columns_.push_back(column);
      }
    }
  }
  read_columns_.emplace_back(TablePieces::kPlace);
  sort_keys_.push_back({.column = TablePieces::kPlace});
}

bool TopRowsStep::IsTableKey(const Schema& schema) const {
  const SortKey& key = keys_.front().key;
  if (schema.primary_key.empty() || schema.primary_key.front()->text() != key.column) return false;
  // NaN is at an end of the order of parts, and elsewhere in this one.
  return !(keys_.front().expression->type().is_float() && key.nulls_first);
}

std::vector<uint64_t> TopRowsStep::BestCodes(const TablePieces& pieces) const {
  const SortKey& key = keys_.front().key;
  std::vector<uint64_t> codes;
  for (const ScanPiece& piece : pieces.pieces()) {
    const ColumnPtr& values = pieces.selection().parts[piece.part].part->PrimaryKey().front();
    codes.push_back(
        CodeAt(values, key.descending ? piece.granules.end : piece.granules.begin, key));
  }
  return codes;
}

Block TopRowsStep::Run(StatementContext& context) const {
  const PartSetPtr parts = context.Parts(*table_);
  GranuleSelection selection =
      SelectGranules(*parts, filter_.predicate, *settings_, {}, context.task());
  context.task().progress().rows_total += selection.rows();
  const bool has_bounds = IsTableKey(*parts->schema);
  const TablePieces pieces(std::move(selection), read_columns_, filter_.condition, nullptr,
                           has_bounds ? 1 : settings_->max_block_size, &context.task());
  std::vector<size_t> order(pieces.count());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<uint64_t> best;
  if (has_bounds) {
    best = BestCodes(pieces);
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return best[a] < best[b]; });
  }

  std::atomic<uint64_t> bound = kNoBound;
  std::atomic<size_t> next = 0;
  const Executor& executor = context.task().executor();
  const size_t workers = std::clamp<size_t>(pieces.count(), 1, executor.threads());
  std::vector<TopRows> of_worker(workers, TopRows(sort_keys_, count_, &bound));
  context.task().executor().ParallelFor(workers, [&](size_t worker) {
    for (size_t i = next++; i < order.size(); i = next++) {
      // No piece behind this one has a better row.
      if (has_bounds && best[order[i]] > bound.load(std::memory_order_relaxed)) return;
      context.task().CheckCancelled();
      const Block block = pieces.Read(order[i]);
      if (block.rows() == 0) continue;
      Block keys(block.rows());
      for (const Key& key : keys_) {
        keys.Add(key.key.column, key.expression->Evaluate(block)->Materialize());
      }
      keys.Add(TablePieces::kPlace, block.Get(TablePieces::kPlace));
      of_worker[worker].Add(std::move(keys));
    }
  });

  std::vector<Block> blocks;
  for (TopRows& rows : of_worker) {
    for (Block& block : rows.Take()) blocks.push_back(std::move(block));
  }
  const Block first = FirstRows(std::move(blocks), sort_keys_, count_, &context.task());
  if (first.rows() == 0) return Block();
  std::vector<RankedRow> rows(first.rows());
  const auto places = AsNumbers<uint64_t>(*first.Get(TablePieces::kPlace));
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].part = static_cast<uint32_t>(TablePieces::PartOf(places.data()[i]));
    rows[i].row = TablePieces::RowOf(places.data()[i]);
  }
  return GatherRanked(rows, pieces.selection(), ColumnNames(header()), context.task());
}

BlockStreamPtr TopRowsStep::Open(StatementContext& context) const {
  return std::make_unique<DeferredStream>([this, &context] { return Run(context); },
                                          settings_->max_block_size);
}

StepDescription TopRowsStep::Describe(StatementContext& context, bool with_indexes) const {
  StepDescription description;
  description.title = "ReadFromMergeTree (default." + table_->name + ")";
  std::string keys;
  for (const Key& key : keys_) {
    keys += (keys.empty() ? "" : ", ") + key.key.column + (key.key.descending ? " DESC" : " ASC");
  }
  const PartSetPtr parts = context.Parts(*table_);
  description.details.push_back("Sort description: " + keys);
  description.details.push_back("Limit " + std::to_string(count_));
  description.details.push_back(IsTableKey(*parts->schema) ? "Read: in the order of the table's key"
                                                           : "Read: the keys of all rows, then "
                                                             "other columns of the first");
  if (filter_.condition) {
    description.details.push_back("Filter column: " + filter_.condition->text());
  }
  description.details.insert(description.details.end(), notes_.begin(), notes_.end());
  if (with_indexes) {
    description.indexes.push_back("Indexes:");
    const GranuleSelection selection =
        SelectGranules(*parts, filter_.predicate, *settings_, {}, context.task());
    for (std::string& line : DescribeStages(selection)) {
      description.indexes.push_back(std::move(line));
    }
  }
  return description;
}

}  // namespace granary
