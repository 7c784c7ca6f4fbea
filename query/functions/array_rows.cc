#include "granary/query/functions/array_rows.h"

#include <fmt/format.h>

#include "granary/query/functions/conversion.h"

namespace granary {

std::shared_ptr<const ArrayColumn> DenseArrays(const ColumnPtr& column, const DataType& element) {
  const ColumnPtr converted = CastColumn(column->Materialize(), DataType::Array(element));
  const ArrayColumn& arrays = AsArrays(*converted);
  const size_t rows = arrays.size();
  if (rows == 0) {
    return std::make_shared<ArrayColumn>(MakeDefaults(element, 0)->Materialize(),
                                         std::vector<uint64_t>());
  }
  const uint64_t begin = arrays.Begin(0);
  const ColumnPtr elements =
      arrays.elements()->Slice(begin, arrays.End(rows - 1) - begin)->Materialize();
  if (begin == 0) {
    return std::make_shared<ArrayColumn>(elements, converted, arrays.end_offsets(), rows, 0);
  }
  ChargedVector<uint64_t> end_offsets(rows);
  for (size_t row = 0; row < rows; ++row) end_offsets[row] = arrays.End(row) - begin;
  return std::make_shared<ArrayColumn>(elements, std::move(end_offsets));
}

ChargedVector<uint32_t> RowsOfElements(const ArrayColumn& arrays) {
  ChargedVector<uint32_t> rows;
  if (arrays.size() > 0) rows.reserve(arrays.End(arrays.size() - 1) - arrays.Begin(0));
  CancelCheck check;
  for (size_t row = 0; row < arrays.size(); ++row) {
    rows.insert(rows.end(), arrays.Length(row), static_cast<uint32_t>(row));
    check.After(arrays.Length(row));
  }
  return rows;
}

void RequireEqualLengths(const ArrayColumn& first, const ArrayColumn& other,
                         std::string_view function) {
  for (size_t row = 0; row < first.size(); ++row) {
    if (first.Length(row) == other.Length(row)) continue;
    throw Error(ErrorCode::kSizesOfArraysDontMatch,
                fmt::format("The arrays of function {} have {} and {} elements; they must be of "
                            "equal length",
                            function, first.Length(row), other.Length(row)));
  }
}

}  // namespace granary
