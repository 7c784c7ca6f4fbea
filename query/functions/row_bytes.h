// Rows as bytes, so that equal rows have equal bytes: keys of hash tables over any types.
#pragma once

#include <string>

#include "granary/table/column.h"

namespace granary {

// Appends the value; what follows it cannot be mistaken for a part of it. 0.0 and -0.0 are equal,
// and so are all NaNs.
void AppendRowBytes(const Column& column, size_t row, std::string& out);

}  // namespace granary
