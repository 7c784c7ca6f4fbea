// Sorting the rows of an INSERT, and splitting them by partition.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/table/column.h"

namespace granary {

// The order of rows that sorts by the keys (columns of one size, the first most significant); equal
// rows keep their order. Nothing if the rows are sorted already.
std::optional<ChargedVector<uint32_t>> SortOrder(std::span<const ColumnPtr> keys);

// Rows whose keys are equal, in their order; groups in order of first appearance.
std::vector<ChargedVector<uint32_t>> GroupEqualRows(std::span<const ColumnPtr> keys, size_t rows);

// The part of a directory name that tells partitions apart: "all" without values, numbers as such
// and dates as yyyymmdd, joined with '-'; 32 hexadecimal digits of XXH3-128 for everything else.
std::string PartitionId(std::span<const Value> values, std::span<const DataType> types);

}  // namespace granary
