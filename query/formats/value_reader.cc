#include "granary/query/formats/value_reader.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "granary/query/formats/date_text.h"
#include "granary/query/formats/quoted_text.h"
#include "granary/query/formats/text_scan.h"

namespace granary {
namespace {

template <class T>
struct NumberText {
  using Physical = T;
  static constexpr bool kIsQuoted = false;

  static NumberEnd ParsePrefix(const char* begin, const char* end, T& value) {
    return ParseNumber(begin, end, value);
  }
};

struct BoolText {
  using Physical = uint8_t;
  static constexpr bool kIsQuoted = false;

  static NumberEnd ParsePrefix(const char* begin, const char* end, uint8_t& value) {
    const char* in = begin;
    while (in != end && ((*in | 0x20) >= 'a' && (*in | 0x20) <= 'z')) ++in;
    if (in == begin && in != end && (*in == '0' || *in == '1')) ++in;
    const std::string_view word(begin, static_cast<size_t>(in - begin));
    static constexpr std::array<std::string_view, 6> kTrue = {"1", "true", "t", "yes", "y", "on"};
    static constexpr std::array<std::string_view, 6> kFalse = {"0", "false", "f", "no", "n", "off"};
    const auto is_word = [&](std::string_view name) { return EqualsIgnoringCase(word, name); };
    value = std::ranges::any_of(kTrue, is_word) ? 1 : 0;
    const bool is_bool = value != 0 || std::ranges::any_of(kFalse, is_word);
    return {in, is_bool ? ParseStatus::kOk : ParseStatus::kBadText};
  }
};

struct DateText {
  using Physical = uint16_t;
  static constexpr bool kIsQuoted = true;
  static ParseStatus Parse(std::string_view text, uint16_t& value) {
    return ParseDate(text, value);
  }
};

struct DateTimeText {
  using Physical = uint32_t;
  static constexpr bool kIsQuoted = true;
  static ParseStatus Parse(std::string_view text, uint32_t& value) {
    return ParseDateTime(text, value);
  }
};

// What the Text struct spells, stored as its Physical type.
template <class Text>
class ScalarReader final : public ValueReader {
 public:
  using T = typename Text::Physical;
  explicit ScalarReader(const DataType& type) : type_(type) {}

  ParseStatus ReadText(std::string_view text) override {
    T value{};
    const ParseStatus status = Parse(text, value);
    if (status == ParseStatus::kOk) values_.push_back(value);
    return status;
  }

  ParseStatus ReadLiteral(TextCursor& cursor) override {
    if constexpr (Text::kIsQuoted) {
      if (cursor.at_end() || *cursor.in != '\'') return ParseStatus::kBadText;
      const char* close = FindQuoteEnd(cursor.in, cursor.end);
      if (close == nullptr) return ParseStatus::kBadText;
      const std::string_view text(cursor.in + 1, static_cast<size_t>(close - cursor.in - 2));
      cursor.in = close;
      return ReadText(text);
    } else {
      T value{};
      const auto [end, status] = Text::ParsePrefix(cursor.in, cursor.end, value);
      if (status != ParseStatus::kOk) return status;
      cursor.in = end;
      values_.push_back(value);
      return status;
    }
  }

  ParseStatus ReadJson(simdjson::ondemand::value value) override {
    std::string_view text = value.raw_json_token();
    while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
    if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
    return ReadText(text);
  }

  void Append(const Value& value) override {
    const ColumnPtr column = MakeConstant(type_, value, 1)->Materialize();
    values_.push_back(AsNumbers<T>(*column).data()[0]);
  }

  void AppendDefault() override { values_.push_back(T{}); }
  size_t size() const override { return values_.size(); }
  void Truncate(size_t size) override { values_.resize(size); }
  ColumnPtr Finish() override {
    return std::make_shared<NumberColumn<T>>(type_, std::exchange(values_, {}));
  }

 private:
  static ParseStatus Parse(std::string_view text, T& value) {
    if constexpr (Text::kIsQuoted) {
      return Text::Parse(text, value);
    } else {
      const char* const end = text.data() + text.size();
      const NumberEnd number = Text::ParsePrefix(text.data(), end, value);
      const bool is_whole = number.end == end || number.status == ParseStatus::kOutOfRange;
      return is_whole ? number.status : ParseStatus::kBadText;
    }
  }

  DataType type_;
  ChargedVector<T> values_;
};

class StringReader final : public ValueReader {
 public:
  explicit StringReader(const DataType&) {}

  ParseStatus ReadText(std::string_view text) override {
    chars_.Append(text);
    return EndValue();
  }

  ParseStatus ReadLiteral(TextCursor& cursor) override {
    if (cursor.at_end() || *cursor.in != '\'') return ParseStatus::kBadText;
    const char* close = FindQuoteEnd(cursor.in, cursor.end);
    if (close == nullptr || !AppendUnquoted(cursor.in, close, chars_)) {
      return ParseStatus::kBadText;
    }
    cursor.in = close;
    return EndValue();
  }

  ParseStatus ReadJson(simdjson::ondemand::value value) override {
    simdjson::ondemand::json_type type;
    if (value.type().get(type)) return ParseStatus::kBadText;
    if (type == simdjson::ondemand::json_type::string) {
      std::string_view text;
      return value.get_string().get(text) ? ParseStatus::kBadText : ReadText(text);
    }
    // Anything else is the text that stands for it.
    std::string_view text;
    simdjson::ondemand::object object;
    simdjson::ondemand::array array;
    switch (type) {
      case simdjson::ondemand::json_type::object:
        if (value.get_object().get(object) || object.raw_json().get(text)) {
          return ParseStatus::kBadText;
        }
        break;
      case simdjson::ondemand::json_type::array:
        if (value.get_array().get(array) || array.raw_json().get(text)) {
          return ParseStatus::kBadText;
        }
        break;
      case simdjson::ondemand::json_type::null:
        return ParseStatus::kBadText;
      default:
        text = value.raw_json_token();
    }
    while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
    return ReadText(text);
  }

  void Append(const Value& value) override {
    const ColumnPtr column = MakeConstant(TypeId::kString, value, 1)->Materialize();
    ReadText(AsStrings(*column).At(0));
  }

  void AppendDefault() override { EndValue(); }
  size_t size() const override { return end_offsets_.size(); }
  void Truncate(size_t size) override {
    end_offsets_.resize(size);
    chars_.Truncate(size == 0 ? 0 : end_offsets_.back());
  }
  ColumnPtr Finish() override {
    chars_.Trim();
    return std::make_shared<StringColumn>(std::exchange(end_offsets_, {}),
                                          std::exchange(chars_, {}));
  }

 private:
  ParseStatus EndValue() {
    end_offsets_.push_back(chars_.size());
    return ParseStatus::kOk;
  }

  ChargedVector<uint64_t> end_offsets_;
  ChargedBytes chars_;
};

template <class Reader>
inline constexpr bool kHasNumbers = false;
template <class T>
inline constexpr bool kHasNumbers<ScalarReader<NumberText<T>>> = true;

// Element is a final class where the elements are scalars, so that calls per element are direct;
// for arrays of arrays it is ValueReader.
template <class Element>
class ArrayReader final : public ValueReader {
 public:
  explicit ArrayReader(std::unique_ptr<Element> elements) : elements_(std::move(elements)) {}

  ParseStatus ReadText(std::string_view text) override {
    TextCursor cursor{text.data(), text.data() + text.size()};
    const ParseStatus status = ReadLiteral(cursor);
    if (status != ParseStatus::kOk) return status;
    return SkipSpace(cursor.in, cursor.end) == cursor.end ? status : ParseStatus::kBadText;
  }

  ParseStatus ReadLiteral(TextCursor& cursor) override {
    if (!cursor.Take('[')) return ParseStatus::kBadText;
    cursor.in = SkipSpace(cursor.in, cursor.end);
    if (!cursor.Take(']')) {
      do {
        cursor.in = SkipSpace(cursor.in, cursor.end);
        const ParseStatus status = elements_->ReadLiteral(cursor);
        if (status != ParseStatus::kOk) return status;
        cursor.in = SkipSpace(cursor.in, cursor.end);
      } while (cursor.Take(','));
      if (!cursor.Take(']')) return ParseStatus::kBadText;
    }
    return EndValue();
  }

  ParseStatus ReadJson(simdjson::ondemand::value value) override {
    simdjson::ondemand::array array;
    if (value.get_array().get(array)) return ParseStatus::kBadText;
    if constexpr (kHasNumbers<Element>) {
      if (ReadNumbers(array)) return ParseStatus::kOk;
      if (array.reset().error()) return ParseStatus::kBadText;
    }
    for (auto item : array) {
      simdjson::ondemand::value element;
      if (item.get(element)) return ParseStatus::kBadText;
      const ParseStatus status = elements_->ReadJson(element);
      if (status != ParseStatus::kOk) return status;
    }
    return EndValue();
  }

  void Append(const Value& value) override {
    if (!value.is_array()) throw Error(ErrorCode::kTypeMismatch, "expected an array");
    for (const Value& element : value.as_array()) elements_->Append(element);
    EndValue();
  }

  void AppendDefault() override { EndValue(); }
  size_t size() const override { return end_offsets_.size(); }
  void Truncate(size_t size) override {
    end_offsets_.resize(size);
    elements_->Truncate(size == 0 ? 0 : end_offsets_.back());
  }
  ColumnPtr Finish() override {
    return std::make_shared<ArrayColumn>(elements_->Finish(), std::exchange(end_offsets_, {}));
  }

 private:
  // An array of plain numbers is spelled as a literal is: faster than to ask for each element.
  // False, with nothing appended, if it is none.
  bool ReadNumbers(simdjson::ondemand::array& array) {
    std::string_view text;
    if (array.raw_json().get(text)) return false;
    const size_t rows = size();
    TextCursor cursor{text.data(), text.data() + text.size()};
    if (ReadLiteral(cursor) == ParseStatus::kOk) return true;
    Truncate(rows);
    return false;
  }

  ParseStatus EndValue() {
    end_offsets_.push_back(elements_->size());
    return ParseStatus::kOk;
  }

  std::unique_ptr<Element> elements_;
  ChargedVector<uint64_t> end_offsets_;
};

// Calls make.operator()<Reader>() with the reader class of a type that is not an array.
template <class Make>
std::unique_ptr<ValueReader> VisitScalarReader(const DataType& type, const Make& make) {
  switch (type.id()) {
    case TypeId::kBool:
      return make.template operator()<ScalarReader<BoolText>>();
    case TypeId::kDate:
      return make.template operator()<ScalarReader<DateText>>();
    case TypeId::kDateTime:
      return make.template operator()<ScalarReader<DateTimeText>>();
    case TypeId::kString:
      return make.template operator()<StringReader>();
    default:
      return VisitFixedType(type.id(), [&]<class T>() {
        return make.template operator()<ScalarReader<NumberText<T>>>();
      });
  }
}

}  // namespace

std::unique_ptr<ValueReader> ValueReader::Create(const DataType& type) {
  if (!type.is_array()) {
    return VisitScalarReader(type, [&]<class Reader>() -> std::unique_ptr<ValueReader> {
      return std::make_unique<Reader>(type);
    });
  }
  const DataType& element = type.element();
  if (element.is_array()) return std::make_unique<ArrayReader<ValueReader>>(Create(element));
  return VisitScalarReader(element, [&]<class Reader>() -> std::unique_ptr<ValueReader> {
    return std::make_unique<ArrayReader<Reader>>(std::make_unique<Reader>(element));
  });
}

}  // namespace granary
