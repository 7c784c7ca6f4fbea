// CAST, for everyone who has to bring a column to a type: the function itself, INSERT SELECT,
// DEFAULT expressions, UNION.
#pragma once

#include <optional>

#include "granary/query/functions/function.h"

namespace granary {

// Every row of the column as `to`: a constant stays constant, a column of the type is returned as
// it is. Throws what reading text throws (text_conversion.h), CANNOT_CONVERT_TYPE for NaN to
// integer, TYPE_MISMATCH between arrays and other types.
ColumnPtr CastColumn(const ColumnPtr& column, const DataType& to);

// Whether CAST between the types may throw because of a value.
bool CanCastFail(const DataType& from, const DataType& to);
// Whether there is a CAST between the types at all.
bool IsCastable(const DataType& from, const DataType& to);

// The single row of `value` as a value of `to` that is equal to it: nothing if there is none (300
// as UInt8, 0.5 as Int32, 0.1 as Float32). A string is read as `to`; dates and DateTimes convert to
// each other if that loses nothing. TYPE_MISMATCH if the kinds do not go together or the text is
// none; CANNOT_PARSE_DATE and CANNOT_PARSE_DATETIME for dates.
ColumnPtr ConvertExactly(const ColumnPtr& value, const DataType& to);

}  // namespace granary
