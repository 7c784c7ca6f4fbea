// Reading rows from bytes: TabSeparated (TSV), TabSeparatedWithNames (TSVWithNames), CSV,
// CSVWithNames, JSONEachRow, Values, and the binary arrays Npy, Fvecs, Ivecs and Bvecs. Names are
// not case-sensitive. registry.h lists them.
//
// Errors name the format, the row (from 1), the column and the offending text:
// CANNOT_PARSE_INPUT_ASSERTION_FAILED, CANNOT_PARSE_NUMBER, CANNOT_PARSE_BOOL, CANNOT_PARSE_DATE,
// CANNOT_PARSE_DATETIME, CANNOT_PARSE_QUOTED_STRING, CANNOT_READ_ARRAY_FROM_TEXT,
// ARGUMENT_OUT_OF_BOUND (a number that the type cannot hold), INCORRECT_DATA. A reader that has
// thrown is not used again.
//
// The reader of Values understands literals itself and leaves everything else to a function of the
// caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "granary/query/formats/header.h"
#include "granary/query/formats/input_bytes.h"
#include "granary/table/block.h"
#include "granary/table/settings.h"

namespace granary {

struct InputFormatOptions {
  QuerySettings settings;
  // Values: evaluates the text of a constant expression ("1 + 1", "toDate('2024-01-01')") to a
  // value of the column's type, or throws. Without it such texts are errors.
  std::function<Value(std::string_view text, const HeaderColumn& column)> evaluate;
};

class InputFormat {
 public:
  // The header is that of the blocks to read. Npy, Fvecs, Ivecs and Bvecs know their own type: they
  // take an empty header and fill it (see header()), or one column of just this type. Throws
  // UNKNOWN_FORMAT, and what the first bytes give reason for (WithNames: an unknown column name is
  // NO_SUCH_COLUMN_IN_TABLE, a repeated one DUPLICATE_COLUMN).
  static std::unique_ptr<InputFormat> Create(std::string_view format, Header header,
                                             InputBytes bytes,
                                             const InputFormatOptions& options = {});
  virtual ~InputFormat() = default;

  // Columns of the header, 1 to max_rows rows; nothing at the end. max_rows is at least 1.
  virtual std::optional<Block> ReadBlock(size_t max_rows) = 0;

  const Header& header() const { return header_; }
  // Of the block read last: absent()[column] has one byte per row, 1 where the input had no value
  // (a missing JSON key, an empty CSV field, DEFAULT in Values) and the block holds the type's
  // default, for the caller to replace by the column's DEFAULT. Empty: no row lacks the column.
  const std::vector<std::vector<uint8_t>>& absent() const { return absent_; }
  // Bytes read so far, for progress.
  uint64_t bytes_read() const { return bytes_.position(); }
  uint64_t rows_read() const { return rows_read_; }

 protected:
  InputFormat(Header header, InputBytes bytes)
      : header_(std::move(header)), bytes_(std::move(bytes)), absent_(header_.size()) {}

  Header header_;
  InputBytes bytes_;
  std::vector<std::vector<uint8_t>> absent_;
  uint64_t rows_read_ = 0;
};

}  // namespace granary
