#include "granary/query/functions/row_bytes.h"

#include <cmath>
#include <limits>

#include "granary/query/functions/column_access.h"

namespace granary {
namespace {

template <class T>
T Canonical(T value) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    return BFloat16(Canonical(static_cast<float>(value)));
  } else if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return std::numeric_limits<T>::quiet_NaN();
    return value == 0 ? T{0} : value;
  } else {
    return value;
  }
}

void AppendLength(uint64_t length, std::string& out) {
  out.append(reinterpret_cast<const char*>(&length), sizeof(length));
}

}  // namespace

void AppendRowBytes(const Column& column, size_t row, std::string& out) {
  const Column& stored = StoredRows(column);
  if (column.is_constant()) row = 0;
  if (stored.type().is_string()) {
    const std::string_view text = AsStrings(stored).At(row);
    AppendLength(text.size(), out);
    out += text;
  } else if (stored.type().is_array()) {
    const ArrayColumn& arrays = AsArrays(stored);
    AppendLength(arrays.Length(row), out);
    CancelCheck check;
    for (uint64_t i = arrays.Begin(row); i < arrays.End(row); ++i) {
      AppendRowBytes(*arrays.elements(), i, out);
      check.After(4);
    }
  } else {
    VisitFixedType(stored.type().id(), [&]<class T>() {
      const T value = Canonical(AsNumbers<T>(stored).data()[row]);
      out.append(reinterpret_cast<const char*>(&value), sizeof(value));
    });
  }
}

ColumnPtr RowKeys(std::span<const ColumnPtr> columns, size_t rows) {
  StringBuffer keys(rows);
  std::string bytes;
  CancelCheck check;
  for (size_t row = 0; row < rows; ++row) {
    bytes.clear();
    for (const ColumnPtr& column : columns) AppendRowBytes(*column, row, bytes);
    keys.AppendRow(bytes);
    check.After(4 + bytes.size());
  }
  return keys.Finish();
}

}  // namespace granary
