#include "granary/query/functions/text_conversion.h"

#include <fmt/format.h>

#include "granary/query/formats/date_text.h"
#include "granary/query/formats/quoted_text.h"
#include "granary/query/formats/value_reader.h"
#include "granary/query/formats/value_writer.h"
#include "granary/query/functions/column_access.h"

namespace granary {
namespace {

constexpr size_t kNanosecondsPerValue = 32;
constexpr size_t kFewElements = 4096;

ErrorCode CodeForBadText(std::string_view text, const DataType& to, ParseStatus status) {
  if (to.is_array()) return ErrorCode::kCannotReadArray;
  if (to.id() == TypeId::kDate) return ErrorCode::kCannotParseDate;
  if (to.id() == TypeId::kDateTime) return ErrorCode::kCannotParseDateTime;
  if (to.id() == TypeId::kBool) return ErrorCode::kCannotParseBool;
  if (to.is_float()) return ErrorCode::kCannotParseNumber;
  if (status == ParseStatus::kOutOfRange) return ErrorCode::kArgumentOutOfBound;
  return text.empty() ? ErrorCode::kAttemptToReadAfterEof : ErrorCode::kCannotParseText;
}

[[noreturn]] void ThrowUnreadable(std::string_view text, const DataType& to, ParseStatus status) {
  constexpr size_t kShownBytesMax = 60;
  std::string shown;
  AppendQuoted(text.substr(0, kShownBytesMax), shown);
  if (text.size() > kShownBytesMax) shown += "...";
  const std::string advice =
      to.is_array() ? "" : fmt::format("; to{}OrZero gives the default for such texts", to.name());
  const char* problem = status == ParseStatus::kOutOfRange ? ": the value is out of range" : "";
  throw Error(CodeForBadText(text, to, status),
              fmt::format("Cannot parse string {} as {}{}{}", shown, to.name(), problem, advice));
}

// A date may come with a time of day, which is dropped.
ParseStatus ReadDateOfDateTime(std::string_view text, ValueReader& reader) {
  uint32_t seconds = 0;
  if (text.find(':') == text.npos || ParseDateTime(text, seconds) != ParseStatus::kOk) {
    return ParseStatus::kBadText;
  }
  reader.Append(uint64_t{seconds / 86400});
  return ParseStatus::kOk;
}

// `text` is scratch. Long arrays one element after the other.
void AppendText(const Column& column, size_t row, const TextOptions& options, std::string& text,
                StringBuffer& result) {
  const bool is_short = column.type().is_array() && column.type().element().fixed_bytes() > 0 &&
                        AsArrays(column).Length(row) <= kFewElements;
  if (!column.type().is_array() || is_short) {
    text.clear();
    AppendValueText(column, row, options, text);
    result.Append(text);
    return;
  }
  const ArrayColumn& arrays = AsArrays(column);
  CancelCheck check;
  result.Append('[');
  for (uint64_t i = arrays.Begin(row); i < arrays.End(row); ++i) {
    if (i > arrays.Begin(row)) result.Append(',');
    AppendText(*arrays.elements(), i, {.style = TextStyle::kLiteral}, text, result);
    check.After(kNanosecondsPerValue);
  }
  result.Append(']');
}

}  // namespace

ColumnPtr ColumnToText(const ColumnPtr& column) {
  if (column->type().is_string()) return column;
  const Column& stored = StoredRows(*column);
  StringBuffer result(stored.size());
  std::string text;
  CancelCheck check;
  for (size_t row = 0; row < stored.size(); ++row) {
    AppendText(stored, row, {}, text, result);
    result.EndRow();
    check.After(kNanosecondsPerValue);
  }
  ColumnPtr texts = result.Finish();
  if (!column->is_constant()) return texts;
  return std::make_shared<ConstantColumn>(std::move(texts), column->size());
}

ColumnPtr ParseColumn(const ColumnPtr& strings, const DataType& to, BadText bad_text) {
  if (to.is_string()) return strings;
  if (strings->is_constant()) {
    return std::make_shared<ConstantColumn>(ParseColumn(StoredRows(strings), to, bad_text),
                                            strings->size());
  }
  const auto reader = ValueReader::Create(to);
  const StringColumn& texts = AsStrings(*strings);
  CancelCheck check;
  for (size_t row = 0; row < texts.size(); ++row) {
    const std::string_view text = texts.At(row);
    check.After(kNanosecondsPerValue + text.size());
    ParseStatus status = reader->ReadText(text);
    if (status == ParseStatus::kBadText && to.id() == TypeId::kDate) {
      status = ReadDateOfDateTime(text, *reader);
    }
    if (status == ParseStatus::kOk) continue;
    if (bad_text == BadText::kThrow) ThrowUnreadable(text, to, status);
    reader->Truncate(row);
    reader->AppendDefault();
  }
  return reader->Finish();
}

}  // namespace granary
