// What the readers of text rows share: one ValueReader per column, blocks cut after max_rows, the
// record of absent values, and error messages with format, row and column.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "granary/query/formats/input_format.h"
#include "granary/query/formats/value_reader.h"

namespace granary {

class RowInputFormat : public InputFormat {
 public:
  std::optional<Block> ReadBlock(size_t max_rows) final;

 protected:
  // `format` is the name that errors show; it outlives the object.
  RowInputFormat(std::string_view format, Header header, InputBytes bytes);

  // Appends one value to every column, or nothing and returns false at the end of the input.
  virtual bool ReadRow() = 0;

  ValueReader& reader(size_t column) { return *readers_[column]; }
  void AppendAbsent(size_t column);
  size_t column_count() const { return readers_.size(); }
  // Whether this row has a value for the column already.
  bool HasValue(size_t column) const { return readers_[column]->size() > block_rows_; }

  void SkipByteOrderMark();
  // Skips the input's next characters up to the first that is no space; false at the end.
  bool SkipSpaceBetweenRows();

  // Throws what `status` (not kOk) means for a value with this text in the row being read.
  [[noreturn]] void ThrowBadValue(ParseStatus status, size_t column, std::string_view text) const;
  // "<format>, row 3: <problem>"
  [[noreturn]] void ThrowBadRow(ErrorCode code, std::string_view problem) const;

 private:
  std::string_view format_;
  std::vector<std::unique_ptr<ValueReader>> readers_;
  size_t block_rows_ = 0;  // complete rows in the readers
};

// The text in quotes for an error message, shortened if it is long, unprintable characters escaped.
std::string Excerpt(std::string_view text);

// A field that belongs to no column and is passed over.
inline constexpr size_t kNoColumn = ~size_t{0};

// Makes a map from the fields of a line of names to the columns of the header, for the WithNames
// formats. Throws DUPLICATE_COLUMN, and NO_SUCH_COLUMN_IN_TABLE unless unknown names are skipped
// (input_format_skip_unknown_fields).
std::vector<size_t> MatchNames(std::string_view format, const std::vector<std::string>& names,
                               const Header& header, bool skips_unknown);

}  // namespace granary
