// Reader of JSONEachRow: one object per row, with spaces, line ends or commas between them, or all
// in one array. A missing key or null is an absent value; an unknown key is passed over
// (input_format_skip_unknown_fields = 0: INCORRECT_DATA), a repeated one is INCORRECT_DATA. Numbers
// may stand in quotes; a String takes any value, objects and arrays as their JSON text.
#pragma once

#include <string>

#include <simdjson.h>

#include "granary/query/formats/row_input_format.h"

namespace granary {

class JsonEachRowInput final : public RowInputFormat {
 public:
  JsonEachRowInput(Header header, InputBytes bytes, const QuerySettings& settings);

 private:
  bool ReadRow() override;
  // Skips to the next object; false at the end of the input.
  bool FindObject();
  // The next object, in the window, up to its closing brace.
  std::string_view TakeObject();
  void ReadObject(std::string_view text);
  void ReadField(simdjson::ondemand::field& field);
  // The column of a key; `expected` is the one that comes next if keys keep the header's order.
  size_t FindColumn(std::string_view key, size_t expected) const;
  [[noreturn]] void ThrowBadJson(simdjson::error_code error, std::string_view text) const;

  simdjson::ondemand::parser parser_;
  std::string padded_;  // a copy of an object that has no room behind it
  size_t next_column_ = 0;
  bool is_array_ = false;
  bool is_begun_ = false;
  const bool skips_unknown_;
};

}  // namespace granary
