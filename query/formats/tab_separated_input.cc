#include "granary/query/formats/tab_separated_input.h"

#include <fmt/format.h>

#include "granary/query/formats/quoted_text.h"
#include "granary/query/formats/text_scan.h"

namespace granary {
namespace {

constexpr std::string_view kFormat = "TabSeparated";

// The field at the front of the line, which is cut off together with its tab.
std::string_view TakeField(std::string_view& line, bool& is_last) {
  const char* const end = line.data() + line.size();
  const char* const tab = FindFirstOf<'\t'>(line.data(), end);
  const std::string_view field(line.data(), static_cast<size_t>(tab - line.data()));
  is_last = tab == end;
  line.remove_prefix(field.size() + (is_last ? 0 : 1));
  return field;
}

}  // namespace

TabSeparatedInput::TabSeparatedInput(Header header, InputBytes bytes, const QuerySettings& settings,
                                     bool has_names)
    : RowInputFormat(kFormat, std::move(header), std::move(bytes)) {
  SkipByteOrderMark();
  std::vector<bool> is_present(column_count(), !has_names);
  std::string_view line;
  if (has_names && NextLine(line)) {
    columns_ = MatchNames(kFormat, Names(line), header_, settings.input_format_skip_unknown_fields);
    EndLine();
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

std::vector<std::string> TabSeparatedInput::Names(std::string_view line) const {
  std::vector<std::string> names;
  for (bool is_last = false; !is_last;) {
    ChargedBytes name;
    if (!AppendUnescaped(TakeField(line, is_last), name)) {
      throw Error(ErrorCode::kCannotParseEscapeSequence,
                  fmt::format("{}: the line of names ends in a cut-off escape", kFormat));
    }
    names.emplace_back(name.data(), name.size());
  }
  return names;
}

bool TabSeparatedInput::NextLine(std::string_view& line) {
  size_t length = 0;
  do {
    const std::string_view window = bytes_.window();
    const char* const end = window.data() + window.size();
    length = static_cast<size_t>(FindFirstOf<'\n'>(window.data() + length, end) - window.data());
  } while (length == bytes_.window().size() && bytes_.More());
  const std::string_view window = bytes_.window();
  if (window.empty()) return false;
  line = window.substr(0, length);
  line_bytes_ = std::min(length + 1, window.size());
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

bool TabSeparatedInput::ReadRow() {
  std::string_view line;
  if (!NextLine(line)) return false;
  bool is_last = false;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (is_last) {
      ThrowBadRow(ErrorCode::kCannotParseInput,
                  fmt::format("{} fields, expected {}", i, columns_.size()));
    }
    const std::string_view field = TakeField(line, is_last);
    if (columns_[i] != kNoColumn) ReadField(columns_[i], field);
  }
  if (!is_last) {
    ThrowBadRow(ErrorCode::kCannotParseInput, fmt::format("more than {} fields, first too many: {}",
                                                          columns_.size(), Excerpt(line)));
  }
  for (size_t column : missing_) AppendAbsent(column);
  EndLine();
  return true;
}

void TabSeparatedInput::ReadField(size_t column, std::string_view field) {
  if (field == "\\N") return AppendAbsent(column);
  std::string_view text = field;
  const bool is_escaped = header_[column].type.is_string() && field.find('\\') != field.npos;
  if (is_escaped) {
    unescaped_.Truncate(0);
    if (!AppendUnescaped(field, unescaped_)) {
      ThrowBadRow(ErrorCode::kCannotParseEscapeSequence,
                  fmt::format("column {}: {} ends in a cut-off escape", header_[column].name,
                              Excerpt(field)));
    }
    text = {unescaped_.data(), unescaped_.size()};
  }
  const ParseStatus status = reader(column).ReadText(text);
  if (status != ParseStatus::kOk) ThrowBadValue(status, column, field);
}

}  // namespace granary
