#include "granary/query/functions/array_rows.h"

#include <cstring>

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
    AppendCopies(rows, arrays.Length(row), static_cast<uint32_t>(row));
    check.After(arrays.Length(row));
  }
  return rows;
}

const uint8_t* FindTruth(const uint8_t* begin, const uint8_t* end, uint8_t truth) {
  const uint8_t* found = nullptr;
  ForStretches(static_cast<size_t>(end - begin), [&](size_t first, size_t last) {
    if (found != nullptr) return;
    found = static_cast<const uint8_t*>(std::memchr(begin + first, truth, last - first));
  });
  return found == nullptr ? end : found;
}

const uint8_t* FindLastTrue(const uint8_t* begin, const uint8_t* end) {
  CancelCheck check;
  for (const uint8_t* at = end; at != begin; --at) {
    if (at[-1]) return at - 1;
    check.After(1);
  }
  return end;
}

size_t CountTrue(const uint8_t* begin, const uint8_t* end) {
  size_t count = 0;
  ForStretches(static_cast<size_t>(end - begin), [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) count += begin[i];
  });
  return count;
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
