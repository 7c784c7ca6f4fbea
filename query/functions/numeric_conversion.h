// Conversions among numbers, Bool, Date and DateTime: what CAST does between types of fixed size,
// and how arithmetic and comparisons bring their operands to one type.
#pragma once

#include "granary/table/column.h"

namespace granary {

// The column as `to`, both of fixed size; a constant stays constant, an unchanged type is free.
// Integers wrap; floats lose their fraction and are clamped to 64 bits before they wrap, NaN and
// infinities are CANNOT_CONVERT_TYPE; Bool is value != 0; DateTime to Date drops the time of day
// and Date to DateTime is midnight in UTC; a number as Date is days, or seconds if it is above
// 65535.
ColumnPtr ConvertFixed(const ColumnPtr& column, const DataType& to);

// Whether ConvertFixed may throw.
bool CanConversionFail(const DataType& from, const DataType& to);

}  // namespace granary
