// Rows of some columns kept per group, for aggregate functions that need all of them at the end.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "granary/table/column.h"
#include "granary/table/task_context.h"

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

  // f(group_of_row, columns) for what each call of Keep has kept, in that order. Checks before each
  // whether the task has been cancelled.
  template <class F>
  void ForEachPiece(F&& f) const {
    std::vector<ColumnPtr> columns(kept_.size());
    size_t first = 0;
    for (size_t piece = 0; piece < piece_rows_.size(); ++piece) {
      for (size_t i = 0; i < columns.size(); ++i) columns[i] = kept_[i][piece];
      const size_t rows = piece_rows_[piece];
      CheckTaskCancelled();
      f(std::span(group_of_row_).subspan(first, rows), std::span<const ColumnPtr>(columns));
      first += rows;
    }
  }
  // The values of the only column as one array per group, in the order they came.
  ColumnPtr Arrays() const;

 private:
  std::vector<DataType> types_;
  std::vector<std::vector<ColumnPtr>> kept_;  // per column, in pieces
  ChargedVector<uint64_t> piece_rows_;        // there may be no column
  ChargedVector<uint32_t> group_of_row_;
  ChargedVector<uint64_t> group_rows_;
};

// 0, 1, ... count - 1
ChargedVector<uint32_t> RowNumbers(size_t count);

}  // namespace granary
