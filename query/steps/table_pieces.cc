#include "granary/query/steps/table_pieces.h"

#include <algorithm>
#include <utility>

#include "granary/parts/part_reader.h"

namespace granary {
namespace {

// When fewer than one row in so many passes, the other columns are gathered row by row.
constexpr size_t kGatherBelowOneIn = 8;

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> Without(std::vector<std::string> names, const std::string& name) {
  std::erase(names, name);
  return names;
}

template <class RowAt>
ColumnPtr Places(size_t part, size_t count, RowAt&& row_at) {
  const auto owner = MakeChargedArray<uint64_t>(count);
  uint64_t* const places = owner.get();
  for (size_t i = 0; i < count; ++i) places[i] = uint64_t{part} << 32 | row_at(i);
  return std::make_shared<NumberColumn<uint64_t>>(
      TypeId::kUInt64, std::shared_ptr<const void>(owner, places), places, count);
}

}  // namespace

TablePieces::TablePieces(GranuleSelection selection, std::vector<std::string> columns,
                         CompiledExpressionPtr condition, std::shared_ptr<const RangeRows> range,
                         size_t rows_per_piece, const TaskContext* task)
    : selection_(std::move(selection)),
      pieces_(CutIntoPieces(selection_, rows_per_piece)),
      columns_(std::move(columns)),
      condition_(std::move(condition)),
      range_(std::move(range)),
      task_(task),
      has_places_(Contains(columns_, kPlace)),
      stored_(Without(columns_, kPlace)) {
  if (!condition_) return;
  for (const std::string& name : stored_) {
    if (!Contains(condition_->required_columns(), name)) rest_.push_back(name);
  }
}

Block TablePieces::Read(size_t index) const {
  const ScanPiece& piece = pieces_[index];
  Block block = ReadLive(piece.part, piece.granules);
  task_->progress().rows_done += selection_.parts[piece.part].part->RowsIn(piece.granules);
  task_->progress().bytes_done += block.byte_size();
  return block;
}

Block TablePieces::ReadColumns(size_t part, const std::vector<std::string>& columns,
                               GranuleRange granules) const {
  const PartPtr& stored = selection_.parts[part].part;
  const size_t rows = stored->RowsIn(granules);
  Block block = columns.empty() ? Block(rows) : PartReader(stored, columns, *task_).Read(granules);
  if (has_places_) {
    const uint64_t first = stored->FirstRow(granules.begin);
    block.Add(kPlace, Places(part, rows, [first](size_t i) { return first + i; }));
  }
  return block;
}

Block TablePieces::ReadLive(size_t part, GranuleRange granules) const {
  const SelectedPart& selected = selection_.parts[part];
  const size_t live = selected.LiveRowsIn(granules);
  if (live == 0) return Block();
  if (range_ != nullptr) {
    std::optional<std::vector<uint32_t>> rows = range_->Find(selected.part, granules, *task_);
    const size_t all = selected.part->RowsIn(granules);
    if (rows && rows->size() * kGatherBelowOneIn < all) return ReadAmong(part, *rows);
  }
  if (condition_) return ReadFiltered(part, granules, live);
  return selected.FilterLive(ReadColumns(part, stored_, granules), granules, live);
}

Block TablePieces::ReadAmong(size_t part, std::vector<uint32_t>& rows) const {
  const SelectedPart& selected = selection_.parts[part];
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
  Block found =
      stored_.empty() ? Block(kept) : PartReader(selected.part, stored_, *task_).Gather(kept_rows);
  if (has_places_) {
    found.Add(kPlace, Places(part, kept, [&](size_t i) { return kept_rows[i]; }));
  }
  return found;
}

Block TablePieces::ReadFiltered(size_t part, GranuleRange granules, size_t live) const {
  const SelectedPart& selected = selection_.parts[part];
  const Block filter_columns = selected.FilterLive(
      ReadColumns(part, condition_->required_columns(), granules), granules, live);
  std::vector<uint8_t> mask(live);
  const size_t kept = ConditionMask(*condition_->Evaluate(filter_columns), mask);
  if (kept == 0) return Block();
  const Block kept_filter = kept == live ? filter_columns : filter_columns.Filter(mask, kept);
  const Block kept_rest =
      ReadRest(selected.part, granules, selected.SpreadMask(std::move(mask), granules), kept);
  Block block(kept);
  for (const std::string& name : columns_) {
    block.Add(name, (Contains(rest_, name) ? kept_rest : kept_filter).Get(name));
  }
  return block;
}

Block TablePieces::ReadRest(const PartPtr& part, GranuleRange granules,
                            std::span<const uint8_t> mask, size_t kept) const {
  if (rest_.empty()) return Block(kept);
  if (kept * kGatherBelowOneIn >= mask.size()) {
    const Block block = PartReader(part, rest_, *task_).Read(granules);
    return kept == mask.size() ? block : block.Filter(mask, kept);
  }
  std::vector<uint32_t> rows;
  rows.reserve(kept);
  for (size_t row = 0; row < mask.size(); ++row) {
    if (mask[row] != 0) rows.push_back(static_cast<uint32_t>(part->FirstRow(granules.begin) + row));
  }
  return PartReader(part, rest_, *task_).Gather(rows);
}

}  // namespace granary
