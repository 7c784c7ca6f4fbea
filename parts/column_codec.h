// The rows of a granule as bytes, and back: how columns lie in frames.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "granary/table/byte_stream.h"
#include "granary/table/column.h"

namespace granary {

// Appends rows [first_row, first_row + rows) of a column that is not constant. Every piece is
// padded to a multiple of 8, counted from the start of `out`. Throws TOO_LARGE_STRING_SIZE or
// TOO_LARGE_ARRAY_SIZE for a single value of 4 GiB or 2^32 elements.
void EncodeRows(const Column& column, size_t first_row, size_t rows, ByteWriter& out);

// Reads what EncodeRows wrote, where the input starts at a multiple of 8 in memory. Values of fixed
// size and characters are views of the input, which `owner` keeps alive. Throws CORRUPTED_DATA.
ColumnPtr DecodeRows(const DataType& type, size_t rows, const std::shared_ptr<const void>& owner,
                     ByteReader& in);

// Of the same bytes only the wanted rows, which are ascending, as a column of its own: for a few of
// many, as nothing is made for the others.
ColumnPtr DecodeSomeRows(const DataType& type, size_t rows, std::span<const uint32_t> wanted,
                         ByteReader& in);

}  // namespace granary
