// Values read from text into a growing column: what the text input formats share. One reader per
// column; it is virtual per value, not per element of an array, and allocates only to grow.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <simdjson.h>

#include "granary/query/formats/number_text.h"
#include "granary/table/column.h"

namespace granary {

// What is left of the text being read.
struct TextCursor {
  const char* in;
  const char* end;

  bool at_end() const { return in == end; }
  bool Take(char expected) {
    if (in == end || *in != expected) return false;
    ++in;
    return true;
  }
};

// Each Read function appends one value and returns kOk, or returns why it cannot; then the column
// may hold part of an array and is to be truncated.
class ValueReader {
 public:
  static std::unique_ptr<ValueReader> Create(const DataType& type);
  virtual ~ValueReader() = default;

  // The whole text, as it stands in a field: 1.5, it's, 2024-05-01, ['a','b'].
  virtual ParseStatus ReadText(std::string_view text) = 0;
  // The literal at the cursor, which then is behind it: 1.5, 'it\'s', '2024-05-01', ['a', 'b'].
  virtual ParseStatus ReadLiteral(TextCursor& cursor) = 0;
  // null is not a value.
  virtual ParseStatus ReadJson(simdjson::ondemand::value value) = 0;
  // Throws TYPE_MISMATCH if the value is not one of the type.
  virtual void Append(const Value& value) = 0;
  virtual void AppendDefault() = 0;
  virtual size_t size() const = 0;
  // Drops the values from number `size` on.
  virtual void Truncate(size_t size) = 0;
  // Hands the column over and starts anew.
  virtual ColumnPtr Finish() = 0;
};

}  // namespace granary
