// Values of columns as text, in each of the spellings that output formats need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "granary/table/block.h"
#include "granary/table/column.h"

namespace granary {

enum class TextStyle : uint8_t {
  kPlain,         // it's
  kTabSeparated,  // it\'s
  kLiteral,       // 'it\'s'; also the elements of arrays in every style but JSON
  kCsv,           // "it's"
  kJson,          // "it's"; inf and nan are null
};

struct TextOptions {
  TextStyle style = TextStyle::kPlain;
  bool quote_64bit_integers = false;  // JSON only
};

// Appends one value. The column is not constant.
void AppendValueText(const Column& column, size_t row, const TextOptions& options,
                     std::string& out);

// The columns of the block, none constant.
std::vector<ColumnPtr> MaterializedColumns(const Block& block);

}  // namespace granary
