// A block: some columns with names, all of the same number of rows. What flows between operators,
// what an INSERT delivers and what a query returns. Cheap to copy (columns are shared).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/table/column.h"

namespace granary {

struct NamedColumn {
  std::string name;
  ColumnPtr column;
};

class Block {
 public:
  Block() = default;
  // Throws SIZES_OF_COLUMNS_DOESNT_MATCH if the columns differ in size.
  explicit Block(std::vector<NamedColumn> columns);
  // A block without columns still has a number of rows (SELECT count() reads none).
  explicit Block(size_t rows) : rows_(rows) {}

  size_t rows() const { return rows_; }
  size_t column_count() const { return columns_.size(); }
  const std::vector<NamedColumn>& columns() const { return columns_; }
  const ColumnPtr& column(size_t index) const { return columns_[index].column; }
  const std::string& name(size_t index) const { return columns_[index].name; }
  // nullptr if there is none; the first one if a name repeats.
  const Column* Find(std::string_view name) const;
  // Throws NOT_FOUND_COLUMN_IN_BLOCK, which names the column and those there are.
  const ColumnPtr& Get(std::string_view name) const;
  size_t byte_size() const;

  void Add(std::string name, ColumnPtr column);
  Block Slice(size_t first_row, size_t count) const;
  Block Filter(std::span<const uint8_t> mask, size_t kept) const;
  Block Gather(std::span<const uint32_t> rows) const;

 private:
  std::vector<NamedColumn> columns_;
  size_t rows_ = 0;
};

// All rows of blocks of one shape, in order. At least one block.
Block ConcatenateBlocks(std::span<const Block> blocks);

}  // namespace granary
