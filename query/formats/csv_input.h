// Reader of CSV and CSVWithNames (RFC 4180): fields between delimiters (format_csv_delimiter),
// quoted ones may hold delimiters, line ends and doubled quotes. Spaces around unquoted fields are
// dropped; an empty field without quotes is an absent value.
#pragma once

#include <vector>

#include "granary/query/formats/row_input_format.h"

namespace granary {

class CsvInput final : public RowInputFormat {
 public:
  CsvInput(Header header, InputBytes bytes, const QuerySettings& settings, bool has_names);

 private:
  struct Field {
    std::string_view text;
    bool is_quoted = false;
    bool is_last = false;
  };

  bool ReadRow() override;
  // Puts the next record whole into the window; false at the end of the input.
  bool NextRecord(TextCursor& record);
  void EndRecord() { bytes_.Skip(record_bytes_); }
  // The length of the record at the front of the window without its line end, or npos if the window
  // ends before it.
  size_t FindRecordEnd(std::string_view window) const;
  Field TakeField(TextCursor& record);
  Field TakeQuotedField(TextCursor& record);
  std::vector<std::string> Names(TextCursor record);

  char delimiter_ = ',';
  std::vector<size_t> columns_;  // of the fields, in order
  std::vector<size_t> missing_;  // columns without a field
  size_t record_bytes_ = 0;
  std::string unquoted_;
};

}  // namespace granary
