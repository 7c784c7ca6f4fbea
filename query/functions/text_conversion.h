// Columns to text and back, for CAST, toString, concat and comparisons with literals; in the text
// that the formats read and write (formats/value_reader.h, value_writer.h).
#pragma once

#include "granary/table/column.h"

namespace granary {

// Every row as toString shows it: 1.5, 2024-05-01, abc, ['a','b\'c']. A constant stays constant.
ColumnPtr ColumnToText(const ColumnPtr& column);

// What to do with text that is not a value of the type.
enum class BadText { kThrow, kDefault };

// Every row of a string column read as a value of `to`; a constant stays constant. The whole text
// must be the value. Throws CANNOT_PARSE_TEXT, CANNOT_PARSE_NUMBER (floats), ARGUMENT_OUT_OF_BOUND
// (integers), CANNOT_PARSE_DATE, CANNOT_PARSE_DATETIME, CANNOT_PARSE_BOOL,
// CANNOT_READ_ARRAY_FROM_TEXT, ATTEMPT_TO_READ_AFTER_EOF (an empty text is no integer).
ColumnPtr ParseColumn(const ColumnPtr& strings, const DataType& to, BadText bad_text);

}  // namespace granary
