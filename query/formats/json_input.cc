#include "granary/query/formats/json_input.h"

#include <new>
#include <utility>

#include <fmt/format.h>

#include "granary/query/formats/text_scan.h"

namespace granary {
namespace {

constexpr std::string_view kFormat = "JSONEachRow";

// Where the string whose opening quote is at `in` ends; nullptr if it does not.
const char* FindStringEnd(const char* in, const char* end) {
  for (++in;; in += 2) {
    in = FindFirstOf<'"', '\\'>(in, end);
    if (in == end) return nullptr;
    if (*in == '"') return in + 1;
    if (end - in < 2) return nullptr;
  }
}

// Where the object that begins at window.front() ends; npos if the window ends before it.
size_t FindObjectEnd(std::string_view window) {
  const char* const end = window.data() + window.size();
  const char* in = window.data();
  for (size_t depth = 0; in != nullptr;) {
    in = FindFirstOf<'"', '{', '}'>(in, end);
    if (in == end) break;
    if (*in == '"') {
      in = FindStringEnd(in, end);
      continue;
    }
    depth = *in++ == '{' ? depth + 1 : depth - 1;
    if (depth == 0) return static_cast<size_t>(in - window.data());
  }
  return window.npos;
}

// To look behind a document: simdjson 3.0 gives one without complaint whose strings have no memory
// to be unescaped to.
class CheckedDocument : public simdjson::ondemand::document {
 public:
  explicit CheckedDocument(simdjson::ondemand::document&& document)
      : simdjson::ondemand::document(std::move(document)) {
    if (iter.string_buf_loc() == nullptr) throw std::bad_alloc();
  }
};

}  // namespace

JsonEachRowInput::JsonEachRowInput(Header header, InputBytes bytes, const QuerySettings& settings)
    : RowInputFormat(kFormat, std::move(header), std::move(bytes)),
      skips_unknown_(settings.input_format_skip_unknown_fields) {
  SkipByteOrderMark();
}

bool JsonEachRowInput::FindObject() {
  while (SkipSpaceBetweenRows()) {
    const char c = bytes_.window().front();
    if (c == '{') {
      is_begun_ = true;
      return true;
    }
    const bool is_opening = c == '[' && !is_begun_;
    const bool is_closing = c == ']' && is_array_;
    if (!is_opening && !is_closing && !(c == ',' && is_begun_)) {
      ThrowBadRow(
          ErrorCode::kCannotParseInput,
          fmt::format("expected an object, found {}", Excerpt(bytes_.window().substr(0, 20))));
    }
    if (is_opening) is_array_ = is_begun_ = true;
    if (is_closing) is_array_ = false;
    bytes_.Skip(1);
  }
  if (is_array_) ThrowBadRow(ErrorCode::kCannotReadAllData, "the array of rows is not closed");
  return false;
}

std::string_view JsonEachRowInput::TakeObject() {
  while (true) {
    const std::string_view window = bytes_.window();
    const size_t length = FindObjectEnd(window);
    if (length != window.npos) return window.substr(0, length);
    if (!bytes_.More()) {
      ThrowBadRow(ErrorCode::kCannotReadAllData,
                  fmt::format("the object is not closed: {}", Excerpt(bytes_.window())));
    }
  }
}

bool JsonEachRowInput::ReadRow() {
  if (!FindObject()) return false;
  const std::string_view text = TakeObject();
  ReadObject(text);
  bytes_.Skip(text.size());
  return true;
}

void JsonEachRowInput::ReadObject(std::string_view text) {
  const char* begin = text.data();
  if (bytes_.window().size() - text.size() < simdjson::SIMDJSON_PADDING) {
    padded_.assign(text);
    padded_.append(simdjson::SIMDJSON_PADDING, ' ');
    begin = padded_.data();
  }
  simdjson::ondemand::document parsed;
  auto error =
      parser_.iterate(begin, text.size(), text.size() + simdjson::SIMDJSON_PADDING).get(parsed);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error) ThrowBadJson(error, text);
  CheckedDocument document(std::move(parsed));
  simdjson::ondemand::object object;
  if ((error = document.get_object().get(object))) ThrowBadJson(error, text);
  next_column_ = 0;
  for (simdjson::simdjson_result<simdjson::ondemand::field> item : object) {
    simdjson::ondemand::field field;
    if ((error = std::move(item).get(field))) ThrowBadJson(error, text);
    ReadField(field);
  }
  for (size_t i = 0; i < column_count(); ++i) {
    if (!HasValue(i)) AppendAbsent(i);
  }
}

void JsonEachRowInput::ReadField(simdjson::ondemand::field& field) {
  std::string_view key;
  if (auto error = field.unescaped_key().get(key)) ThrowBadJson(error, "");
  const size_t column = FindColumn(key, next_column_);
  if (column == column_count()) {
    if (skips_unknown_) return;
    ThrowBadRow(ErrorCode::kIncorrectData,
                fmt::format("key {} is not among the columns to insert; "
                            "input_format_skip_unknown_fields = 1 skips it",
                            Excerpt(key)));
  }
  if (HasValue(column)) {
    ThrowBadRow(ErrorCode::kIncorrectData, fmt::format("key {} occurs twice", Excerpt(key)));
  }
  next_column_ = column + 1;
  simdjson::ondemand::value value = field.value();
  std::string_view token = value.raw_json_token();
  if (token.starts_with("null")) return AppendAbsent(column);
  const ParseStatus status = reader(column).ReadJson(value);
  if (status != ParseStatus::kOk) ThrowBadValue(status, column, token);
}

size_t JsonEachRowInput::FindColumn(std::string_view key, size_t expected) const {
  if (expected < header_.size() && header_[expected].name == key) return expected;
  size_t column = 0;
  while (column < header_.size() && header_[column].name != key) ++column;
  return column;
}

void JsonEachRowInput::ThrowBadJson(simdjson::error_code error, std::string_view text) const {
  ThrowBadRow(ErrorCode::kCannotParseInput,
              fmt::format("not JSON: {} {}", simdjson::error_message(error), Excerpt(text)));
}

}  // namespace granary
