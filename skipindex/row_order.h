// The order of a column's values, for sub-indexes that look at every row.
#pragma once

#include <type_traits>

#include "granary/table/column.h"

namespace granary {

// NaN is greater than every number, as in CompareValues.
template <class T>
bool Precedes(T a, T b) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    return Precedes(static_cast<float>(a), static_cast<float>(b));
  } else if constexpr (std::is_floating_point_v<T>) {
    return a < b || (a == a && b != b);
  } else {
    return a < b;
  }
}

// visit(precedes), where precedes(a, b) says whether row a's value is less than row b's: one type
// for each type of column, so that loops over rows need no virtual call.
template <class Visit>
auto VisitRowOrder(const Column& values, Visit&& visit) {
  const DataType& type = values.type();
  if (type.is_string()) {
    const StringColumn& strings = AsStrings(values);
    return visit([&](size_t a, size_t b) { return strings.At(a) < strings.At(b); });
  }
  if (type.is_array() || type.is_nothing()) {
    return visit([&](size_t a, size_t b) { return values.Compare(a, values, b) < 0; });
  }
  return VisitFixedType(type.id(), [&]<class T>() {
    const T* data = AsNumbers<T>(values).data();
    return visit([data](size_t a, size_t b) { return Precedes(data[a], data[b]); });
  });
}

}  // namespace granary
