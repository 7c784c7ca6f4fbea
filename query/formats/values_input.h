// Reader of Values: rows in parentheses, with or without commas between them, up to a semicolon or
// the end. Literals are read here; any other expression goes to InputFormatOptions::evaluate as
// text. NULL and DEFAULT are absent values. Comments (-- and /* */) may stand between rows.
#pragma once

#include "granary/query/formats/row_input_format.h"

namespace granary {

class ValuesInput final : public RowInputFormat {
 public:
  ValuesInput(Header header, InputBytes bytes, const InputFormatOptions& options);

 private:
  bool ReadRow() override;
  // Skips to the next opening parenthesis; false at the end of the input.
  bool FindRow();
  bool SkipComment();
  // The next row, whole in the window, with its parentheses.
  std::string_view TakeRow();
  void ReadField(size_t column, TextCursor& row);
  // False, with nothing appended and the cursor where it was, if there is no literal of the
  // column's type before the next comma or parenthesis.
  bool ReadLiteral(size_t column, TextCursor& row);
  void ReadExpression(size_t column, TextCursor& row);

  std::function<Value(std::string_view, const HeaderColumn&)> evaluate_;
};

}  // namespace granary
