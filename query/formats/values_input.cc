#include "granary/query/formats/values_input.h"

#include <fmt/format.h>

#include "granary/query/formats/quoted_text.h"
#include "granary/query/formats/text_scan.h"

namespace granary {
namespace {

constexpr std::string_view kFormat = "Values";

// Where the string, identifier in quotes or comment that begins at `in` ends; nullptr if it is cut
// off.
const char* FindQuotedEnd(const char* in, const char* end) {
  if (*in == '\'') return FindQuoteEnd(in, end);
  const char quote = *in++;
  for (; in != end; ++in) {
    if (*in == quote) return in + 1;
    if (*in == '\\' && ++in == end) break;
  }
  return nullptr;
}

// The first of `stops` outside quotes and brackets, from `in`; nullptr if there is none.
template <char... kStops>
const char* FindOutside(const char* in, const char* end) {
  size_t depth = 0;
  while (in != nullptr) {
    in = FindFirstOf<'(', ')', '[', ']', '\'', '"', '`', kStops...>(in, end);
    if (in == end) return nullptr;
    if (depth == 0 && ((*in == kStops) || ...)) return in;
    if (*in == '\'' || *in == '"' || *in == '`') {
      in = FindQuotedEnd(in, end);
      continue;
    }
    if (*in == '(' || *in == '[') ++depth;
    if ((*in == ')' || *in == ']') && depth > 0) --depth;
    ++in;
  }
  return nullptr;
}

// The end of the row whose opening parenthesis is at the front; npos if the window ends before it.
// Only quotes and parentheses count, so that rows of numbers are passed over at memory speed.
size_t FindRowEnd(std::string_view window) {
  const char* const end = window.data() + window.size();
  const char* in = window.data();
  for (size_t depth = 0; in != nullptr;) {
    in = FindFirstOf<'(', ')', '\'', '"', '`'>(in, end);
    if (in == end) break;
    if (*in != '(' && *in != ')') {
      in = FindQuotedEnd(in, end);
      continue;
    }
    depth = *in++ == '(' ? depth + 1 : depth - 1;
    if (depth == 0) return static_cast<size_t>(in - window.data());
  }
  return window.npos;
}

bool TakeWord(TextCursor& row, std::string_view word) {
  const std::string_view rest(row.in, static_cast<size_t>(row.end - row.in));
  if (!EqualsIgnoringCase(rest.substr(0, word.size()), word)) return false;
  const char* const next = SkipSpace(row.in + word.size(), row.end);
  if (next != row.end && *next != ',' && *next != ')') return false;
  row.in = next;
  return true;
}

}  // namespace

ValuesInput::ValuesInput(Header header, InputBytes bytes, const InputFormatOptions& options)
    : RowInputFormat(kFormat, std::move(header), std::move(bytes)), evaluate_(options.evaluate) {
  SkipByteOrderMark();
}

bool ValuesInput::SkipComment() {
  while (bytes_.window().size() < 2 && bytes_.More()) {
  }
  const bool is_line = bytes_.window().starts_with("--");
  if (!is_line && !bytes_.window().starts_with("/*")) return false;
  const std::string_view close = is_line ? "\n" : "*/";
  size_t length = std::string_view::npos;
  do {
    length = bytes_.window().find(close, 2);
  } while (length == std::string_view::npos && bytes_.More());
  if (length == std::string_view::npos && !is_line) {
    ThrowBadRow(ErrorCode::kCannotParseInput, "the comment is not closed");
  }
  bytes_.Skip(std::min(length == std::string_view::npos ? length : length + close.size(),
                       bytes_.window().size()));
  return true;
}

bool ValuesInput::FindRow() {
  while (SkipSpaceBetweenRows()) {
    const char c = bytes_.window().front();
    if (c == '(') return true;
    if (c == ';') return false;
    if (SkipComment()) continue;
    if (c != ',') {
      ThrowBadRow(ErrorCode::kCannotParseInput,
                  fmt::format("expected '(', found {}", Excerpt(bytes_.window().substr(0, 20))));
    }
    bytes_.Skip(1);
  }
  return false;
}

std::string_view ValuesInput::TakeRow() {
  while (true) {
    const std::string_view window = bytes_.window();
    const size_t length = FindRowEnd(window);
    if (length != window.npos) return window.substr(0, length);
    if (!bytes_.More()) {
      ThrowBadRow(
          ErrorCode::kCannotParseInput,
          fmt::format("a parenthesis or quote is not closed: {}", Excerpt(bytes_.window())));
    }
  }
}

bool ValuesInput::ReadRow() {
  if (!FindRow()) return false;
  const std::string_view text = TakeRow();
  TextCursor row{text.data() + 1, text.data() + text.size()};
  for (size_t i = 0; i < column_count(); ++i) {
    if (i > 0 && !row.Take(',')) {
      ThrowBadRow(ErrorCode::kCannotParseInput,
                  fmt::format("{} values, expected {}", i, column_count()));
    }
    row.in = SkipSpace(row.in, row.end);
    ReadField(i, row);
  }
  if (row.Take(',')) row.in = SkipSpace(row.in, row.end);
  if (!row.Take(')') || !row.at_end()) {
    ThrowBadRow(ErrorCode::kCannotParseInput, fmt::format("more than {} values", column_count()));
  }
  bytes_.Skip(text.size());
  return true;
}

void ValuesInput::ReadField(size_t column, TextCursor& row) {
  if (ReadLiteral(column, row)) return;
  if (TakeWord(row, "NULL") || TakeWord(row, "DEFAULT")) return AppendAbsent(column);
  ReadExpression(column, row);
}

bool ValuesInput::ReadLiteral(size_t column, TextCursor& row) {
  const TextCursor begin = row;
  ValueReader& values = reader(column);
  const size_t size = values.size();
  const ParseStatus status = values.ReadLiteral(row);
  if (status == ParseStatus::kOk) {
    row.in = SkipSpace(row.in, row.end);
    if (!row.at_end() && (*row.in == ',' || *row.in == ')')) return true;
  }
  values.Truncate(size);
  row = begin;
  return false;
}

void ValuesInput::ReadExpression(size_t column, TextCursor& row) {
  const char* const end = FindOutside<',', ')'>(row.in, row.end);
  const char* stop = end == nullptr ? row.end - 1 : end;
  std::string_view text(row.in, static_cast<size_t>(stop - row.in));
  row.in = stop;
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  if (text.empty()) {
    ThrowBadRow(ErrorCode::kCannotParseInput,
                fmt::format("no value for column {}; expected {} values", header_[column].name,
                            column_count()));
  }
  TextCursor literal{text.data(), text.data() + text.size()};
  const size_t size = reader(column).size();
  const ParseStatus status = reader(column).ReadLiteral(literal);
  reader(column).Truncate(size);
  if (status == ParseStatus::kOutOfRange || !evaluate_) {
    ThrowBadValue(status == ParseStatus::kOk ? ParseStatus::kBadText : status, column, text);
  }
  try {
    reader(column).Append(evaluate_(text, header_[column]));
  } catch (Error& error) {
    error.AddContext(fmt::format("reading row {} of Values, column {}: {}", rows_read() + 1,
                                 header_[column].name, Excerpt(text)));
    throw;
  }
}

}  // namespace granary
