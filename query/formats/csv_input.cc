#include "granary/query/formats/csv_input.h"

#include <cstring>

#include <fmt/format.h>

#include "granary/query/formats/text_scan.h"

namespace granary {
namespace {

constexpr std::string_view kFormat = "CSV";

const char* FindChar(const char* begin, const char* end, char c) {
  const void* found = begin == end ? nullptr : std::memchr(begin, c, end - begin);
  return found == nullptr ? end : static_cast<const char*>(found);
}

// The end of the quoted field whose text begins at `in`, behind its closing quote; nullptr if it
// does not close.
const char* FindQuotedEnd(const char* in, const char* end) {
  while ((in = FindChar(in, end, '"')) != end) {
    if (end - in < 2 || in[1] != '"') return in + 1;
    in += 2;
  }
  return nullptr;
}

char CheckedDelimiter(const std::string& delimiter) {
  if (delimiter.size() != 1 || delimiter == "\n" || delimiter == "\"") {
    throw Error(ErrorCode::kBadArguments,
                "format_csv_delimiter is one character, not a quote and not the end of a line");
  }
  return delimiter[0];
}

}  // namespace

CsvInput::CsvInput(Header header, InputBytes bytes, const QuerySettings& settings, bool has_names)
    : RowInputFormat(kFormat, std::move(header), std::move(bytes)),
      delimiter_(CheckedDelimiter(settings.format_csv_delimiter)) {
  SkipByteOrderMark();
  std::vector<bool> is_present(column_count(), !has_names);
  TextCursor record{};
  if (has_names && NextRecord(record)) {
    columns_ =
        MatchNames(kFormat, Names(record), header_, settings.input_format_skip_unknown_fields);
    EndRecord();
    for (size_t column : columns_) {
      if (column != kNoColumn) is_present[column] = true;
    }
  }
  for (size_t i = 0; i < column_count(); ++i) {
    if (!is_present[i]) {
      missing_.push_back(i);
    } else if (!has_names) {
      columns_.push_back(i);
    }
  }
}

std::vector<std::string> CsvInput::Names(TextCursor record) {
  std::vector<std::string> names;
  for (bool is_last = false; !is_last;) {
    const Field field = TakeField(record);
    names.emplace_back(field.text);
    is_last = field.is_last;
  }
  return names;
}

size_t CsvInput::FindRecordEnd(std::string_view window) const {
  const char* const begin = window.data();
  const char* const end = begin + window.size();
  const char* newline = FindChar(begin, end, '\n');
  if (newline == end) return window.npos;
  const bool has_quotes = FindChar(begin, newline, '"') != newline;
  if (!has_quotes) return static_cast<size_t>(newline - begin);
  for (const char* in = begin; in != end; ++in) {
    while (in != end && (*in == ' ' || *in == '\t') && *in != delimiter_) ++in;
    if (in != end && *in == '"') in = FindQuotedEnd(in + 1, end);
    if (in == nullptr) return window.npos;
    while (in != end && *in != delimiter_ && *in != '\n') ++in;
    if (in == end) return window.npos;
    if (*in == '\n') return static_cast<size_t>(in - begin);
  }
  return window.npos;
}

bool CsvInput::NextRecord(TextCursor& record) {
  size_t length = std::string_view::npos;
  do {
    length = FindRecordEnd(bytes_.window());
  } while (length == std::string_view::npos && bytes_.More());
  const std::string_view window = bytes_.window();
  if (window.empty()) return false;
  record_bytes_ = std::min(window.size(), length == window.npos ? window.npos : length + 1);
  std::string_view text = window.substr(0, length);
  if (text.ends_with('\r')) text.remove_suffix(1);
  record = {text.data(), text.data() + text.size()};
  return true;
}

CsvInput::Field CsvInput::TakeQuotedField(TextCursor& record) {
  const char* const begin = record.in + 1;
  const char* const close = FindQuotedEnd(begin, record.end);
  if (close == nullptr) {
    ThrowBadRow(ErrorCode::kCannotParseQuotedString,
                fmt::format("the quote before {} is not closed",
                            Excerpt({begin, static_cast<size_t>(record.end - begin)})));
  }
  Field field{.text = {begin, static_cast<size_t>(close - 1 - begin)}, .is_quoted = true};
  if (field.text.find('"') != field.text.npos) {
    unquoted_.clear();
    for (size_t i = 0; i < field.text.size(); i += field.text[i] == '"' ? 2 : 1) {
      unquoted_ += field.text[i];
    }
    field.text = unquoted_;
  }
  record.in = close;
  while (!record.at_end() && *record.in != delimiter_ && IsSpace(*record.in)) ++record.in;
  if (!record.at_end() && *record.in != delimiter_) {
    ThrowBadRow(ErrorCode::kCannotParseInput,
                fmt::format("{} after a closing quote, expected {} or the end of the line",
                            Excerpt({record.in, static_cast<size_t>(record.end - record.in)}),
                            Excerpt({&delimiter_, 1})));
  }
  return field;
}

CsvInput::Field CsvInput::TakeField(TextCursor& record) {
  while (!record.at_end() && *record.in != delimiter_ &&
         (*record.in == ' ' || *record.in == '\t')) {
    ++record.in;
  }
  Field field;
  if (!record.at_end() && *record.in == '"') {
    field = TakeQuotedField(record);
  } else {
    const char* const end = FindChar(record.in, record.end, delimiter_);
    field.text = {record.in, static_cast<size_t>(end - record.in)};
    record.in = end;
    while (field.text.ends_with(' ') || field.text.ends_with('\t')) field.text.remove_suffix(1);
  }
  field.is_last = !record.Take(delimiter_);
  return field;
}

bool CsvInput::ReadRow() {
  TextCursor record{};
  if (!NextRecord(record)) return false;
  Field field;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (field.is_last) {
      ThrowBadRow(ErrorCode::kCannotParseInput,
                  fmt::format("{} fields, expected {}", i, columns_.size()));
    }
    field = TakeField(record);
    if (columns_[i] == kNoColumn) continue;
    if (field.text.empty() && !field.is_quoted) {
      AppendAbsent(columns_[i]);
      continue;
    }
    const ParseStatus status = reader(columns_[i]).ReadText(field.text);
    if (status != ParseStatus::kOk) ThrowBadValue(status, columns_[i], field.text);
  }
  if (!field.is_last) {
    ThrowBadRow(ErrorCode::kCannotParseInput,
                fmt::format("more than {} fields, first too many: {}", columns_.size(),
                            Excerpt({record.in, static_cast<size_t>(record.end - record.in)})));
  }
  for (size_t column : missing_) AppendAbsent(column);
  EndRecord();
  return true;
}

}  // namespace granary
