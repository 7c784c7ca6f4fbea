// Rows as bytes, so that equal rows have equal bytes: keys of hash tables over any types.
#pragma once

#include <span>
#include <string>

#include "granary/table/column.h"

namespace granary {

// Appends the value; what follows it cannot be mistaken for a part of it. 0.0 and -0.0 are equal,
// and so are all NaNs.
void AppendRowBytes(const Column& column, size_t row, std::string& out);

// The bytes of the first `rows` rows of the columns, as one String column.
ColumnPtr RowKeys(std::span<const ColumnPtr> columns, size_t rows);

}  // namespace granary
