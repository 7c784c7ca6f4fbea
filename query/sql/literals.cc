#include "granary/query/sql/literals.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace granary::sql {
namespace {

constexpr std::array kUnsignedTypes = {TypeId::kUInt8, TypeId::kUInt16, TypeId::kUInt32,
                                       TypeId::kUInt64};
constexpr std::array kSignedTypes = {TypeId::kInt8, TypeId::kInt16, TypeId::kInt32, TypeId::kInt64};

// 0 to 3: the power of two of bytes that hold the value.
size_t WidthOf(uint64_t value) { return (value > 0xFF) + (value > 0xFFFF) + (value > 0xFFFFFFFF); }

TypeId SmallestType(uint64_t value) { return kUnsignedTypes[WidthOf(value)]; }

// Of a negative value.
TypeId SmallestType(int64_t value) {
  return kSignedTypes[WidthOf(2 * static_cast<uint64_t>(-(value + 1)) + 1)];
}

size_t WidthOf(TypeId integer) {
  return integer >= TypeId::kUInt8
             ? static_cast<size_t>(integer) - static_cast<size_t>(TypeId::kUInt8)
             : static_cast<size_t>(integer) - static_cast<size_t>(TypeId::kInt8);
}

std::optional<DataType> CommonIntegerType(const DataType& a, const DataType& b) {
  const size_t width_a = WidthOf(a.id());
  const size_t width_b = WidthOf(b.id());
  if (a.is_signed_integer() == b.is_signed_integer()) return width_a > width_b ? a : b;
  const size_t unsigned_width = a.is_signed_integer() ? width_b : width_a;
  const size_t signed_width = a.is_signed_integer() ? width_a : width_b;
  const size_t width = std::max(signed_width, unsigned_width + 1);
  if (width >= kSignedTypes.size()) return std::nullopt;
  return DataType(kSignedTypes[width]);
}

// Of types that literals have.
std::optional<DataType> CommonType(const DataType& a, const DataType& b) {
  if (a == b) return a;
  if (a.is_nothing()) return b;
  if (b.is_nothing()) return a;
  if (a.is_integer() && b.is_integer()) return CommonIntegerType(a, b);
  if (a.is_number() && b.is_number()) return DataType(TypeId::kFloat64);
  if (a.is_array() && b.is_array()) {
    const std::optional<DataType> element = CommonType(a.element(), b.element());
    if (element) return DataType::Array(*element);
  }
  return std::nullopt;
}

// The representation that values of `type` have, where `value` is of a type that it includes.
void ConvertTo(const DataType& type, Value& value) {
  if (type.is_array()) {
    for (Value& element : std::get<ValueArray>(value)) ConvertTo(type.element(), element);
  } else if (type.is_float()) {
    value = value.as_double();
  } else if (type.is_signed_integer() && value.is_uint()) {
    value = static_cast<int64_t>(value.as_uint());
  }
}

std::shared_ptr<Literal> MakeLiteral(Value value, DataType type) {
  auto literal = MakeCharged<Literal>();
  literal->value = std::move(value);
  literal->type = std::move(type);
  return literal;
}

// Integers beyond 64 bits are nothing here.
std::optional<Value> ReadInteger(std::string_view digits, int base, bool negative) {
  uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, magnitude, base);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  if (!negative || magnitude == 0) return Value(magnitude);
  if (magnitude > uint64_t{1} << 63) return std::nullopt;
  return Value(static_cast<int64_t>(-magnitude));
}

DataType TypeOf(const Value& number) {
  if (number.is_uint()) return SmallestType(number.as_uint());
  if (number.is_int()) return SmallestType(number.as_int());
  return TypeId::kFloat64;
}

std::optional<double> ReadHexBeyond64Bits(std::string_view digits, int base) {
  double value = 0;
  for (const char c : digits) {
    int digit = 0;
    std::from_chars(&c, &c + 1, digit, base);
    value = value * base + digit;
  }
  if (value > std::numeric_limits<double>::max()) return std::nullopt;
  return value;
}

std::optional<double> ReadFloat(std::string_view digits, int base) {
  if (base != 10) return ReadHexBeyond64Bits(digits, base);
  double value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return value;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

uint64_t AppendDigit(uint64_t value, char digit) {
  return value * 10 + static_cast<uint64_t>(digit - '0');
}

const char* EndOfSpaces(const char* in, const char* end) {
  while (in < end && (*in == ' ' || *in == '\n')) ++in;
  return in;
}

// Whether the next eight bytes are digits: each has 3 in its upper half, also after 6 is added.
bool AreEightDigits(const char* in) {
  uint64_t bytes;
  std::memcpy(&bytes, in, sizeof(bytes));
  constexpr uint64_t kUpperHalves = 0xF0F0F0F0F0F0F0F0;
  constexpr uint64_t kThrees = 0x3030303030303030;
  return (bytes & kUpperHalves) == kThrees &&
         ((bytes + 0x0606060606060606) & kUpperHalves) == kThrees;
}

// Adds neighbours up, two by two: digits to pairs, to fours, to all eight.
uint64_t EightDigits(const char* in) {
  uint64_t bytes;
  std::memcpy(&bytes, in, sizeof(bytes));
  bytes = (bytes & 0x0F0F0F0F0F0F0F0F) * (10 * 256 + 1) >> 8;
  bytes = (bytes & 0x00FF00FF00FF00FF) * (100 * 65536 + 1) >> 16;
  return (bytes & 0x0000FFFF0000FFFF) * ((uint64_t{10000} << 32) + 1) >> 32;
}

// The numbers of a literal vector, one after the other.
class NumberArrayReader {
 public:
  NumberArrayReader(std::string_view text, size_t begin)
      : cursor_(text.data() + begin), end_(text.data() + text.size()) {}

  // False if the text is not an array of plain decimal numbers.
  bool Read() {
    ++cursor_;
    numbers_.reserve(EstimateCount());
    do {
      SkipSpaces();
      if (!ReadNumber()) return false;
      SkipSpaces();
    } while (Accept(','));
    return Accept(']');
  }

  std::shared_ptr<Literal> TakeLiteral() {
    std::optional<DataType> element = DataType(TypeId::kFloat64);
    if (!any_float_) {
      element = SmallestType(largest_);
      if (smallest_ < 0)
        element = any_unsigned_ ? CommonType(*element, SmallestType(smallest_))
                                : DataType(SmallestType(smallest_));
    }
    constexpr auto kSignedMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!element && largest_ <= kSignedMax) element = DataType(TypeId::kInt64);
    if (!element) return nullptr;
    DataType type = DataType::Array(*element);
    Value value(std::move(numbers_));
    if (any_integer_ && (any_float_ || smallest_ < 0)) ConvertTo(type, value);
    return MakeLiteral(std::move(value), std::move(type));
  }

  const char* cursor() const { return cursor_; }

 private:
  size_t EstimateCount() const {
    const std::string_view rest(cursor_, static_cast<size_t>(end_ - cursor_));
    constexpr size_t kTypicalBytes = 8;
    return std::min(rest.find(']'), rest.size()) / kTypicalBytes + 1;
  }

  void SkipSpaces() { cursor_ = EndOfSpaces(cursor_, end_); }

  bool Accept(char c) {
    if (cursor_ == end_ || *cursor_ != c) return false;
    ++cursor_;
    return true;
  }

  // Works on a cursor of its own, which can stay in a register.
  bool ReadNumber() {
    const char* const begin = cursor_;
    const char* in = begin;
    const bool negative = in < end_ && *in == '-';
    in += negative;
    const char* const digits = in;
    uint64_t magnitude = 0;
    for (; in < end_ && IsDigit(*in); ++in) magnitude = AppendDigit(magnitude, *in);
    if (in == end_ || *in != '.') {
      if (IsExponent(in)) return ReadFloat(begin, digits);
      constexpr ptrdiff_t kDigitsThatFit = 18;
      if (in == digits || in - digits > kDigitsThatFit) return false;
      AddInteger(magnitude, negative);
      return EndNumber(in);
    }
    const char* const fraction = ++in;
    if (end_ - in >= 8 && AreEightDigits(in)) {
      magnitude = magnitude * 100000000 + EightDigits(in);
      in += 8;
    }
    for (; in < end_ && IsDigit(*in); ++in) magnitude = AppendDigit(magnitude, *in);
    const ptrdiff_t written = in - digits - 1;
    if (IsExponent(in) || written == 0 || written > kExactDigits) return ReadFloat(begin, digits);
    // Both are exact, and so their quotient is rounded once: correctly.
    const double value = static_cast<double>(magnitude) / kPowersOfTen[in - fraction];
    AddFloat(negative ? -value : value);
    return EndNumber(in);
  }

  bool IsExponent(const char* in) const { return in < end_ && (*in == 'e' || *in == 'E'); }

  bool ReadFloat(const char* begin, const char* digits) {
    if (!IsDigit(*digits) && *digits != '.') return false;
    double value = 0;
    const auto result = std::from_chars(begin, end_, value);
    if (result.ec != std::errc()) return false;
    AddFloat(value);
    return EndNumber(result.ptr);
  }

  void AddFloat(double value) {
    numbers_.emplace_back(value);
    any_float_ = true;
  }

  void AddInteger(uint64_t magnitude, bool negative) {
    any_integer_ = true;
    if (negative && magnitude != 0) {
      const auto value = -static_cast<int64_t>(magnitude);
      smallest_ = std::min(smallest_, value);
      numbers_.emplace_back(value);
    } else {
      any_unsigned_ = true;
      largest_ = std::max(largest_, magnitude);
      numbers_.emplace_back(magnitude);
    }
  }

  bool EndNumber(const char* in) {
    cursor_ = in;
    return in < end_ && (*in == ',' || *in == ']' || *in == ' ' || *in == '\n');
  }

  // Integers of so many digits are doubles, and so are the powers of ten up to there.
  static constexpr ptrdiff_t kExactDigits = 15;
  static constexpr double kPowersOfTen[kExactDigits + 1] = {
      1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

  const char* cursor_;
  const char* const end_;
  ValueArray numbers_;
  bool any_float_ = false;
  bool any_integer_ = false;
  bool any_unsigned_ = false;
  uint64_t largest_ = 0;
  int64_t smallest_ = 0;
};

unsigned HexDigit(char c) {
  unsigned value = 0;
  std::from_chars(&c, &c + 1, value, 16);
  return value;
}

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The single character that \c stands for, or nothing.
std::optional<char> SimpleEscape(char c) {
  constexpr std::string_view kNames = "bfnrt0ave\\'\"`/";
  constexpr std::string_view kMeanings{"\b\f\n\r\t\0\a\v\x1b\\'\"`/", kNames.size()};
  const size_t at = kNames.find(c);
  if (at == std::string_view::npos) return std::nullopt;
  return kMeanings[at];
}

// Appends the meaning of the sequence at `at`, a backslash; returns where it ends.
size_t AppendEscape(std::string_view body, size_t at, std::string& out) {
  const char c = body[at + 1];
  if (const std::optional<char> meaning = SimpleEscape(c)) {
    out += *meaning;
  } else if (c == 'x' && at + 3 < body.size() && IsHexDigit(body[at + 2]) &&
             IsHexDigit(body[at + 3])) {
    out += static_cast<char>(HexDigit(body[at + 2]) * 16 + HexDigit(body[at + 3]));
    return at + 4;
  } else if (c != 'N') {
    out += body.substr(at, 2);
  }
  return at + 2;
}

// The digits between the quotes of x'..' or b'..', as bytes.
std::string DecodeDigits(std::string_view token, size_t digits_per_byte) {
  const std::string_view digits = token.substr(2, token.size() - 3);
  const unsigned base = digits_per_byte == 2 ? 16 : 2;
  const size_t missing = (digits_per_byte - digits.size() % digits_per_byte) % digits_per_byte;
  std::string bytes((digits.size() + missing) / digits_per_byte, '\0');
  for (size_t i = 0; i < digits.size(); ++i) {
    char& byte = bytes[(i + missing) / digits_per_byte];
    byte = static_cast<char>(static_cast<unsigned char>(byte) * base + HexDigit(digits[i]));
  }
  return bytes;
}

}  // namespace

std::shared_ptr<Literal> MakeNumber(std::string_view digits, bool negative) {
  std::string without_underscores;
  if (digits.find('_') != std::string_view::npos) {
    std::ranges::copy_if(digits, std::back_inserter(without_underscores),
                         [](char c) { return c != '_'; });
    digits = without_underscores;
  }
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0') {
    if (digits[1] == 'x' || digits[1] == 'X') base = 16;
    if (digits[1] == 'b' || digits[1] == 'B') base = 2;
    if (base != 10) digits.remove_prefix(2);
  }
  if (const std::optional<Value> integer = ReadInteger(digits, base, negative)) {
    return MakeLiteral(*integer, TypeOf(*integer));
  }
  const std::optional<double> magnitude = ReadFloat(digits, base);
  if (!magnitude) return nullptr;
  return MakeFloat(negative ? -*magnitude : *magnitude);
}

std::shared_ptr<Literal> MakeFloat(double value) { return MakeLiteral(value, TypeId::kFloat64); }

std::shared_ptr<Literal> MakeString(std::string value) {
  return MakeLiteral(std::move(value), TypeId::kString);
}

std::shared_ptr<Literal> MakeBool(bool value) {
  return MakeLiteral(static_cast<uint64_t>(value), TypeId::kBool);
}

std::shared_ptr<Literal> MakeNull() { return MakeCharged<Literal>(); }

// The common type of literals, where UInt64 values that fit may count as Int64; nothing if there is
// none, or if one is no literal.
std::optional<DataType> CommonTypeOfLiterals(const std::vector<ExprPtr>& elements, bool as_signed) {
  constexpr auto kSignedMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  std::optional<DataType> common = DataType();
  for (const ExprPtr& element : elements) {
    const Literal* literal = As<Literal>(*element);
    if (!literal || literal->is_null() || !literal->alias.empty()) return std::nullopt;
    const bool fits = as_signed && literal->type.id() == TypeId::kUInt64 &&
                      literal->value.as_uint() <= kSignedMax;
    common = CommonType(*common, fits ? DataType(TypeId::kInt64) : literal->type);
    if (!common) return std::nullopt;
  }
  return common;
}

std::shared_ptr<Literal> MakeArray(const std::vector<ExprPtr>& elements) {
  std::optional<DataType> common = CommonTypeOfLiterals(elements, false);
  if (!common) common = CommonTypeOfLiterals(elements, true);
  if (!common) return nullptr;
  const DataType element_type = *common;
  ValueArray values;
  values.reserve(elements.size());
  for (const ExprPtr& element : elements) {
    Literal& literal = static_cast<Literal&>(*std::const_pointer_cast<Expr>(element));
    values.push_back(std::move(literal.value));
    if (literal.type != element_type) ConvertTo(element_type, values.back());
  }
  return MakeLiteral(Value(std::move(values)), DataType::Array(element_type));
}

std::optional<NumberArray> ReadNumberArray(std::string_view text, size_t begin) {
  NumberArrayReader reader(text, begin);
  if (!reader.Read()) return std::nullopt;
  std::shared_ptr<Literal> literal = reader.TakeLiteral();
  if (!literal) return std::nullopt;
  return NumberArray{std::move(literal), static_cast<size_t>(reader.cursor() - text.data())};
}

std::string Unquote(std::string_view token) {
  const char quote = token.front();
  const std::string_view body = token.substr(1, token.size() - 2);
  std::string text;
  text.reserve(body.size());
  for (size_t i = 0; i < body.size();) {
    const size_t special = std::min(body.find_first_of(std::string{quote, '\\'}, i), body.size());
    text += body.substr(i, special - i);
    i = special;
    if (i == body.size()) break;
    if (body[i] == '\\') {
      i = AppendEscape(body, i, text);
    } else {
      text += quote;
      i += 2;
    }
  }
  return text;
}

std::string DecodeHexString(std::string_view token) { return DecodeDigits(token, 2); }

std::string DecodeBinaryString(std::string_view token) { return DecodeDigits(token, 8); }

std::string DecodeHeredoc(std::string_view token) {
  const size_t tag = token.find('$', 1) + 1;
  return std::string(token.substr(tag, token.size() - 2 * tag));
}

}  // namespace granary::sql
