// Reader of TabSeparated and TabSeparatedWithNames: a row per line, fields between tabs, special
// characters escaped by backslashes, \N for a value that is absent. A carriage return before the
// end of a line is no part of it.
#pragma once

#include <vector>

#include "granary/query/formats/row_input_format.h"

namespace granary {

class TabSeparatedInput final : public RowInputFormat {
 public:
  TabSeparatedInput(Header header, InputBytes bytes, const QuerySettings& settings, bool has_names);

 private:
  bool ReadRow() override;
  // The next line without its end, in the window; false at the end of the input. EndLine skips it.
  bool NextLine(std::string_view& line);
  void EndLine() { bytes_.Skip(line_bytes_); }
  void ReadField(size_t column, std::string_view field);
  std::vector<std::string> Names(std::string_view line) const;

  std::vector<size_t> columns_;  // of the fields, in order
  std::vector<size_t> missing_;  // columns without a field
  size_t line_bytes_ = 0;
  ChargedBytes unescaped_;
};

}  // namespace granary
