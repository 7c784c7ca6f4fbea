// Conversions among numbers, Bool, Date and DateTime: what CAST does between types of fixed size,
// and how arithmetic and comparisons bring their operands to one type.
#pragma once

#include "granary/query/functions/column_access.h"
#include "granary/table/column.h"

namespace granary {

// The column as `to`, both of fixed size; a constant stays constant, an unchanged type is free.
// Integers wrap; floats lose their fraction and are clamped to 64 bits before they wrap, NaN and
// infinities are CANNOT_CONVERT_TYPE; Bool is value != 0; DateTime to Date drops the time of day
// and Date to DateTime is midnight in UTC, wrapped beyond 2106; a number as Date is days, or
// seconds if it is above 65535; one that is out of range becomes the first or the last DateTime, or
// its day.
ColumnPtr ConvertFixed(const ColumnPtr& column, const DataType& to);

// Whether ConvertFixed may throw.
bool CanConversionFail(const DataType& from, const DataType& to);

// A Date or DateTime as seconds since the epoch in UTC, also where no DateTime reaches: the last
// Date is in 2149.
class Instants {
 public:
  explicit Instants(const ColumnPtr& column)
      : unit_seconds_(column->type().id() == TypeId::kDate ? 24 * 60 * 60 : 1),
        numbers_(ConvertFixed(column, TypeId::kInt64)),
        view_(*numbers_) {}
  int64_t operator[](size_t row) const { return view_[row] * unit_seconds_; }

 private:
  int64_t unit_seconds_;
  ColumnPtr numbers_;
  NumberView<int64_t> view_;
};

}  // namespace granary
