#include "granary/query/functions/grouped_rows.h"

#include <numeric>

#include "granary/table/task_context.h"

namespace granary {

void GroupedRows::Keep(std::span<const uint32_t> rows, std::span<const uint32_t> groups,
                       std::span<const ColumnPtr> columns) {
  if (rows.empty()) return;
  for (size_t i = 0; i < kept_.size(); ++i) {
    kept_[i].push_back(columns[i]->Gather(rows));
  }
  group_of_row_.insert(group_of_row_.end(), groups.begin(), groups.end());
  for (const uint32_t group : groups) ++group_rows_[group];
}

std::vector<ColumnPtr> GroupedRows::Columns() const {
  std::vector<ColumnPtr> columns;
  for (size_t i = 0; i < kept_.size(); ++i) columns.push_back(Concatenate(types_[i], kept_[i]));
  return columns;
}

ColumnPtr GroupedRows::Arrays() const {
  ChargedVector<uint64_t> end_offsets(group_rows_.size()), next(group_rows_.size());
  uint64_t total = 0;
  for (size_t group = 0; group < group_rows_.size(); ++group) {
    next[group] = total;
    end_offsets[group] = total += group_rows_[group];
  }
  ChargedVector<uint32_t> order(group_of_row_.size());
  ForStretches(order.size(), [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      order[next[group_of_row_[row]]++] = static_cast<uint32_t>(row);
    }
  });
  return std::make_shared<ArrayColumn>(Columns()[0]->Gather(order), std::move(end_offsets));
}

ChargedVector<uint32_t> RowNumbers(size_t count) {
  ChargedVector<uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

}  // namespace granary
