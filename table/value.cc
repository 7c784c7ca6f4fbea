#include "granary/table/value.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace granary {
namespace {

template <class T>
int Compare3(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int CompareIntWithUint(int64_t a, uint64_t b) {
  return a < 0 ? -1 : Compare3(static_cast<uint64_t>(a), b);
}

// x is finite. Exact: compares integer parts as integers, then looks at the fraction.
template <class Integer>
int CompareIntegerWithDouble(Integer a, double x) {
  constexpr bool is_signed = std::is_signed_v<Integer>;
  const double low = is_signed ? -0x1p63 : 0.0;
  const double high = is_signed ? 0x1p63 : 0x1p64;
  if (x < low) return 1;
  if (x >= high) return -1;
  const double whole = std::floor(x);
  const int order = Compare3(a, static_cast<Integer>(whole));
  return order != 0 ? order : whole < x ? -1 : 0;
}

int CompareWithDouble(const Value& a, double x) {
  if (std::isnan(x)) return a.is_float() && std::isnan(a.as_double()) ? 0 : -1;
  if (a.is_float()) return std::isnan(a.as_double()) ? 1 : Compare3(a.as_double(), x);
  if (std::isinf(x)) return x > 0 ? -1 : 1;
  return a.is_uint() ? CompareIntegerWithDouble(a.as_uint(), x)
                     : CompareIntegerWithDouble(a.as_int(), x);
}

int CompareNumbers(const Value& a, const Value& b) {
  if (b.is_float()) return CompareWithDouble(a, b.as_double());
  if (a.is_float()) return -CompareWithDouble(b, a.as_double());
  if (a.is_uint()) {
    return b.is_uint() ? Compare3(a.as_uint(), b.as_uint())
                       : -CompareIntWithUint(b.as_int(), a.as_uint());
  }
  return b.is_int() ? Compare3(a.as_int(), b.as_int())
                    : CompareIntWithUint(a.as_int(), b.as_uint());
}

int CompareArrays(const ValueArray& a, const ValueArray& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (const int order = CompareValues(a[i], b[i])) return order;
  }
  return Compare3(a.size(), b.size());
}

int KindRank(const Value& value) { return value.is_number() ? 0 : value.is_string() ? 1 : 2; }

std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    switch (c) {
      case '\n':
        quoted += "\\n";
        break;
      case '\t':
        quoted += "\\t";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\0':
        quoted += "\\0";
        break;
      case '\\':
      case '\'':
        quoted += '\\';
        [[fallthrough]];
      default:
        quoted += c;
    }
  }
  return quoted + "'";
}

template <class T>
std::string ShortestText(T number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char text[64];
  const auto end = std::to_chars(text, text + sizeof(text), number).ptr;
  return {text, end};
}

std::string DateText(std::chrono::sys_days days) {
  const std::chrono::year_month_day date(days);
  char text[32];
  std::snprintf(text, sizeof(text), "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

std::string DateTimeText(uint64_t seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const auto of_day = static_cast<int>((time - day).count());
  char text[32];
  std::snprintf(text, sizeof(text), " %02d:%02d:%02d", of_day / 3600, of_day / 60 % 60,
                of_day % 60);
  return DateText(day) + text;
}

std::string ArrayToSql(const ValueArray& array, const DataType& element) {
  std::string text = "[";
  for (size_t i = 0; i < array.size(); ++i) {
    if (i > 0) text += ", ";
    text += ValueToSql(array[i], element);
  }
  return text + "]";
}

constexpr int kMaxValueDepth = 64;

Value ReadValueAt(ByteReader& in, int depth) {
  switch (in.Read<uint8_t>()) {
    case 0:
      return in.Read<uint64_t>();
    case 1:
      return in.Read<int64_t>();
    case 2:
      return in.Read<double>();
    case 3:
      return std::string(in.ReadString());
    case 4:
      break;
    default:
      in.ThrowCorrupted("unknown kind of value");
  }
  if (depth >= kMaxValueDepth) in.ThrowCorrupted("arrays are nested too deeply");
  ValueArray array(in.ReadCount(2));
  for (Value& value : array) value = ReadValueAt(in, depth + 1);
  return array;
}

}  // namespace

double Value::as_double() const {
  if (is_uint()) return static_cast<double>(as_uint());
  if (is_int()) return static_cast<double>(as_int());
  return std::get<double>(*this);
}

bool operator==(const Value& a, const Value& b) { return CompareValues(a, b) == 0; }

int CompareValues(const Value& a, const Value& b) {
  if (KindRank(a) != KindRank(b)) return Compare3(KindRank(a), KindRank(b));
  if (a.is_number()) return CompareNumbers(a, b);
  if (a.is_string()) return Compare3(a.as_string().compare(b.as_string()), 0);
  return CompareArrays(a.as_array(), b.as_array());
}

std::string ValueToSql(const Value& value, const DataType& type) {
  switch (type.id()) {
    case TypeId::kArray:
      return ArrayToSql(value.as_array(), type.element());
    case TypeId::kString:
      return Quoted(value.as_string());
    case TypeId::kDate:
      return Quoted(DateText(std::chrono::sys_days{std::chrono::days(value.as_uint())}));
    case TypeId::kDateTime:
      return Quoted(DateTimeText(value.as_uint()));
    case TypeId::kBool:
      return value.as_uint() != 0 ? "true" : "false";
    case TypeId::kFloat32:
    case TypeId::kBFloat16:
      return ShortestText(static_cast<float>(value.as_double()));
    default:
      break;
  }
  if (value.is_uint()) return std::to_string(value.as_uint());
  if (value.is_int()) return std::to_string(value.as_int());
  return ShortestText(value.as_double());
}

void WriteValue(const Value& value, ByteWriter& out) {
  out.Write<uint8_t>(static_cast<uint8_t>(value.index()));
  if (value.is_uint()) return out.Write(value.as_uint());
  if (value.is_int()) return out.Write(value.as_int());
  if (value.is_float()) return out.Write(value.as_double());
  if (value.is_string()) return out.WriteString(value.as_string());
  out.WriteVarint(value.as_array().size());
  for (const Value& element : value.as_array()) WriteValue(element, out);
}

Value ReadValue(ByteReader& in) { return ReadValueAt(in, 0); }

}  // namespace granary
