#include "granary/query/functions/row_selection.h"

#include <algorithm>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/type_rules.h"
#include "granary/query/functions/wide_loop.h"

namespace granary {
namespace {

template <class T>
ColumnPtr ChooseNumbers(const DataType& type, std::span<const ColumnPtr> columns,
                        std::span<const uint32_t> choice) {
  std::vector<NumberView<T>> views;
  for (const ColumnPtr& column : columns) views.emplace_back(*column);
  return FillNumbers<T>(type, choice.size(), [&](size_t row) { return views[choice[row]][row]; });
}

// Strings and arrays: the rows of all columns one after the other, then those chosen.
ColumnPtr ChooseByGather(const DataType& type, std::span<const ColumnPtr> columns,
                         std::span<const uint32_t> choice) {
  std::vector<ColumnPtr> stored;
  std::vector<uint32_t> first_row, step;
  uint32_t rows = 0;
  for (const ColumnPtr& column : columns) {
    stored.push_back(StoredRows(column));
    first_row.push_back(rows);
    step.push_back(column->is_constant() ? 0 : 1);
    rows += static_cast<uint32_t>(stored.back()->size());
  }
  std::vector<uint32_t> picked(choice.size());
  for (uint32_t row = 0; row < choice.size(); ++row) {
    picked[row] = first_row[choice[row]] + row * step[choice[row]];
  }
  return Concatenate(type, stored)->Gather(picked);
}

// Of a mask of 0 and 1, added up within bytes first.
size_t CountOnes(std::span<const uint8_t> mask) {
  constexpr size_t kRowsAtOnce = 255;
  size_t ones = 0;
  for (size_t done = 0; done < mask.size(); done += kRowsAtOnce) {
    uint8_t some = 0;
    for (const uint8_t one : mask.subspan(done, std::min(kRowsAtOnce, mask.size() - done))) {
      some = static_cast<uint8_t>(some + one);
    }
    ones += some;
  }
  return ones;
}

}  // namespace

bool IsConditionType(const DataType& type) { return IsNumberOrBool(type); }

size_t ReadTruth(const Column& column, std::span<uint8_t> mask) {
  return VisitFixedType(column.type().id(), [&]<class T>() -> size_t {
    const T* values = AsNumbers<T>(StoredRows(column)).data();
    if (column.is_constant()) {
      const bool value = values[0] != T{};
      std::fill(mask.begin(), mask.end(), value);
      return value ? mask.size() : 0;
    }
    uint8_t* out = mask.data();
    ForEachRowWide(mask.size(), [=](size_t row) { out[row] = values[row] != T{}; });
    return CountOnes(mask);
  });
}

ColumnPtr ChooseRows(const DataType& type, std::span<const ColumnPtr> columns,
                     std::span<const uint32_t> choice) {
  if (type.fixed_bytes() == 0) return ChooseByGather(type, columns, choice);
  return VisitFixedType(type.id(),
                        [&]<class T>() { return ChooseNumbers<T>(type, columns, choice); });
}

}  // namespace granary
