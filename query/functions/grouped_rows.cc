#include "granary/query/functions/grouped_rows.h"

#include <numeric>

#include "granary/table/long_vector.h"

namespace granary {

void GroupedRows::Keep(std::span<const uint32_t> rows, std::span<const uint32_t> groups,
                       std::span<const ColumnPtr> columns) {
  if (rows.empty()) return;
  for (size_t i = 0; i < kept_.size(); ++i) {
    kept_[i].push_back(columns[i]->Gather(rows));
  }
  piece_rows_.push_back(rows.size());
  AppendLong(group_of_row_, groups.data(), groups.size());
  for (const uint32_t group : groups) ++group_rows_[group];
}

ColumnPtr GroupedRows::Arrays() const {
  ChargedVector<uint64_t> end_offsets(group_rows_.size()), next(group_rows_.size());
  uint64_t total = 0;
  for (size_t group = 0; group < group_rows_.size(); ++group) {
    next[group] = total;
    end_offsets[group] = total += group_rows_[group];
  }
  ChargedVector<uint32_t> order = FilledVector<uint32_t>(group_of_row_.size());
  ForStretches(order.size(), [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      order[next[group_of_row_[row]]++] = static_cast<uint32_t>(row);
    }
  });
  return std::make_shared<ArrayColumn>(Concatenate(types_[0], kept_[0])->Gather(order),
                                       std::move(end_offsets));
}

ChargedVector<uint32_t> RowNumbers(size_t count) {
  ChargedVector<uint32_t> rows;
  rows.reserve(count);
  ForStretches(count, [&](size_t begin, size_t end) {
    rows.resize(end);
    std::iota(rows.begin() + static_cast<ptrdiff_t>(begin), rows.end(),
              static_cast<uint32_t>(begin));
  });
  return rows;
}

}  // namespace granary
