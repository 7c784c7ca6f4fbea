// Rows by condition: what WHERE, if, AND and OR are made of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "granary/table/column.h"

namespace granary {

// Whether a column can be a condition: a number or Bool.
bool IsConditionType(const DataType& type);

// mask[row] = value != 0, as 0 or 1; returns how many are 1. `mask` has as many entries as the
// column has rows; the type is a number or Bool.
size_t ReadTruth(const Column& column, std::span<uint8_t> mask);

// Row r of the result is row r of columns[choice[r]]; all columns are of `type`, may be constant,
// and have choice.size() rows.
ColumnPtr ChooseRows(const DataType& type, std::span<const ColumnPtr> columns,
                     std::span<const uint32_t> choice);

}  // namespace granary
