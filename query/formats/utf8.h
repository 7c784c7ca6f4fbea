// UTF-8 sequences and how wide text stands on a terminal.
#pragma once

#include <cstddef>
#include <string_view>

namespace granary {

// Bytes of the well-formed sequence at the beginning of [begin, end), which is not empty; 0 if it
// is not well-formed (Unicode 15, table 3-7).
size_t Utf8SequenceBytes(const char* begin, const char* end);

// Terminal cells of the text when it begins at column `column`: wide characters take two, combining
// ones none, a tab goes to the next multiple of eight, a byte that is not UTF-8 takes one.
size_t TextWidth(std::string_view text, size_t column);

// How many bytes of the text fit in `cells` cells.
size_t FittingBytes(std::string_view text, size_t cells, size_t column);

}  // namespace granary
