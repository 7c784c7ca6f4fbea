// The first eight bytes of a sorting key as an integer that sorts like the key ("normalised keys",
// Graefe, Implementing Sorting in Database Systems, 2006): comparing two rows of a merge is then
// one integer comparison, and a look at the columns only where the integers are equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "granary/table/column.h"

namespace granary {

// Whether the whole key fits into the prefix: then equal prefixes mean equal keys.
bool SortPrefixIsExact(std::span<const ColumnPtr> keys);

// Writes one prefix per row; all columns have prefixes.size() rows and none is constant. Rows a, b
// with prefix(a) < prefix(b) compare as a < b, column by column, by Column::Compare.
void ComputeSortPrefixes(std::span<const ColumnPtr> keys, std::span<uint64_t> prefixes);

}  // namespace granary
