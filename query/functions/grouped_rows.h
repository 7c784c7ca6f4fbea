// Rows of some columns kept per group, for aggregate functions that need all of them at the end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "granary/table/column.h"

namespace granary {

class GroupedRows {
 public:
  explicit GroupedRows(std::vector<DataType> types)
      : types_(std::move(types)), kept_(types_.size()) {}

  size_t groups() const { return group_rows_.size(); }
  void Resize(size_t groups) {
    if (groups > group_rows_.size()) group_rows_.resize(groups);
  }

  // Keeps rows[i] of the columns for group groups[i].
  void Keep(std::span<const uint32_t> rows, std::span<const uint32_t> groups,
            std::span<const ColumnPtr> columns);

  // What has been kept, in the order it came.
  const ChargedVector<uint32_t>& group_of_row() const { return group_of_row_; }
  std::vector<ColumnPtr> Columns() const;
  // The values of the only column as one array per group, in the order they came.
  ColumnPtr Arrays() const;

 private:
  std::vector<DataType> types_;
  std::vector<std::vector<ColumnPtr>> kept_;  // per column, in pieces
  ChargedVector<uint32_t> group_of_row_;
  ChargedVector<uint64_t> group_rows_;
};

// 0, 1, ... count - 1
ChargedVector<uint32_t> RowNumbers(size_t count);

}  // namespace granary
