#include "granary/table/block.h"

namespace granary {
namespace {

[[noreturn]] void ThrowSizes(const std::string& name, size_t rows, size_t expected) {
  throw Error(ErrorCode::kSizesOfColumnsDontMatch,
              "Column " + name + " has " + std::to_string(rows) +
                  " rows, the others of its block have " + std::to_string(expected));
}

template <class Transform>
Block TransformColumns(const Block& block, size_t rows, Transform transform) {
  Block result(rows);
  for (const NamedColumn& named : block.columns()) result.Add(named.name, transform(named.column));
  return result;
}

}  // namespace

Block::Block(std::vector<NamedColumn> columns)
    : columns_(std::move(columns)), rows_(columns_.empty() ? 0 : columns_[0].column->size()) {
  for (const NamedColumn& named : columns_) {
    if (named.column->size() != rows_) ThrowSizes(named.name, named.column->size(), rows_);
  }
}

const Column* Block::Find(std::string_view name) const {
  for (const NamedColumn& named : columns_) {
    if (named.name == name) return named.column.get();
  }
  return nullptr;
}

const ColumnPtr& Block::Get(std::string_view name) const {
  for (const NamedColumn& named : columns_) {
    if (named.name == name) return named.column;
  }
  std::string there;
  for (const NamedColumn& named : columns_) there += (there.empty() ? "" : ", ") + named.name;
  throw Error(ErrorCode::kNotFoundColumnInBlock,
              "Column " + std::string(name) + " is not in the block; there are: " + there);
}

size_t Block::byte_size() const {
  size_t bytes = 0;
  for (const NamedColumn& named : columns_) bytes += named.column->byte_size();
  return bytes;
}

void Block::Add(std::string name, ColumnPtr column) {
  if (columns_.empty() && rows_ == 0) rows_ = column->size();
  if (column->size() != rows_) ThrowSizes(name, column->size(), rows_);
  columns_.push_back({std::move(name), std::move(column)});
}

Block Block::Slice(size_t first_row, size_t count) const {
  return TransformColumns(*this, count,
                          [&](const ColumnPtr& column) { return column->Slice(first_row, count); });
}

Block Block::Filter(std::span<const uint8_t> mask, size_t kept) const {
  return TransformColumns(*this, kept,
                          [&](const ColumnPtr& column) { return column->Filter(mask, kept); });
}

Block Block::Gather(std::span<const uint32_t> rows) const {
  return TransformColumns(*this, rows.size(),
                          [&](const ColumnPtr& column) { return column->Gather(rows); });
}

Block ConcatenateBlocks(std::span<const Block> blocks) {
  if (blocks.size() == 1) return blocks[0];
  size_t rows = 0;
  for (const Block& block : blocks) rows += block.rows();
  Block result(rows);
  std::vector<ColumnPtr> columns(blocks.size());
  for (size_t i = 0; i < blocks[0].column_count(); ++i) {
    for (size_t b = 0; b < blocks.size(); ++b) columns[b] = blocks[b].column(i);
    result.Add(blocks[0].name(i), Concatenate(blocks[0].column(i)->type(), columns));
  }
  return result;
}

}  // namespace granary
