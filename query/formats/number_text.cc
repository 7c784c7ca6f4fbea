#include "granary/query/formats/number_text.h"

#include <cmath>
#include <cstring>

namespace granary {
namespace {

// Positional notation is used for 10^k with kExponentMin <= k < kExponentEnd.
constexpr int kExponentMin = -6;
constexpr int kExponentEnd = 21;
constexpr size_t kDigitsMax = 17;

// value = 0.d1d2d3... * 10^point, where the digits are the shortest that identify it.
struct Decimal {
  char digits[kDigitsMax];
  int count = 0;
  int point = 0;
};

template <class T>
Decimal ShortestDecimal(T positive) {
  char text[kNumberTextBytesMax];
  const char* end =
      std::to_chars(text, text + kNumberTextBytesMax, positive, std::chars_format::scientific).ptr;
  Decimal decimal;
  const char* in = text;
  for (; *in != 'e'; ++in) {
    if (*in != '.') decimal.digits[decimal.count++] = *in;
  }
  const bool is_negative = in[1] == '-';
  int exponent = 0;
  std::from_chars(in + 2, end, exponent);
  decimal.point = (is_negative ? -exponent : exponent) + 1;
  return decimal;
}

char* PrintDigits(const char* digits, int count, char* out) {
  std::memcpy(out, digits, static_cast<size_t>(count));
  return out + count;
}

char* PrintZeros(int count, char* out) {
  std::memset(out, '0', static_cast<size_t>(count));
  return out + count;
}

char* PrintPositional(const Decimal& decimal, char* out) {
  if (decimal.point <= 0) {
    *out++ = '0';
    *out++ = '.';
    out = PrintZeros(-decimal.point, out);
    return PrintDigits(decimal.digits, decimal.count, out);
  }
  if (decimal.count <= decimal.point) {
    out = PrintDigits(decimal.digits, decimal.count, out);
    return PrintZeros(decimal.point - decimal.count, out);
  }
  out = PrintDigits(decimal.digits, decimal.point, out);
  *out++ = '.';
  return PrintDigits(decimal.digits + decimal.point, decimal.count - decimal.point, out);
}

char* PrintScientific(const Decimal& decimal, char* out) {
  *out++ = decimal.digits[0];
  if (decimal.count > 1) {
    *out++ = '.';
    out = PrintDigits(decimal.digits + 1, decimal.count - 1, out);
  }
  *out++ = 'e';
  return PrintNumber(decimal.point - 1, out);
}

char* PrintWord(const char* word, char* out) {
  const size_t length = std::strlen(word);
  std::memcpy(out, word, length);
  return out + length;
}

template <class T>
char* PrintFloat(T value, char* out) {
  if (std::isnan(value)) return PrintWord("nan", out);
  if (std::signbit(value)) *out++ = '-';
  const T magnitude = std::fabs(value);
  if (std::isinf(magnitude)) return PrintWord("inf", out);
  constexpr T kExactIntegers = std::is_same_v<T, double> ? T(1LL << 53) : T(1LL << 24);
  if (magnitude < kExactIntegers && magnitude == std::trunc(magnitude)) {
    return PrintNumber(static_cast<uint64_t>(magnitude), out);
  }
  const Decimal decimal = ShortestDecimal(magnitude);
  const int exponent = decimal.point - 1;
  return exponent >= kExponentMin && exponent < kExponentEnd ? PrintPositional(decimal, out)
                                                             : PrintScientific(decimal, out);
}

// from_chars refuses what lies beyond the range of T; wider types say on which side.
template <class T, class Wider>
NumberEnd ParseFloat(const char* begin, const char* end, T& value) {
  const bool has_plus = end - begin > 1 && *begin == '+' && begin[1] != '-';
  const auto [ptr, error] = std::from_chars(begin + has_plus, end, value);
  if (error == std::errc()) return {ptr, ParseStatus::kOk};
  if (error != std::errc::result_out_of_range) return {begin, ParseStatus::kBadText};
  Wider wider = 0;
  if (std::from_chars(begin + has_plus, end, wider).ec != std::errc()) {
    return {ptr, ParseStatus::kOutOfRange};
  }
  value = static_cast<T>(wider);
  return {ptr, ParseStatus::kOk};
}

}  // namespace

char* PrintNumber(double value, char* out) { return PrintFloat(value, out); }
char* PrintNumber(float value, char* out) { return PrintFloat(value, out); }

NumberEnd ParseNumber(const char* begin, const char* end, double& value) {
  return ParseFloat<double, long double>(begin, end, value);
}

NumberEnd ParseNumber(const char* begin, const char* end, float& value) {
  return ParseFloat<float, double>(begin, end, value);
}

NumberEnd ParseNumber(const char* begin, const char* end, BFloat16& value) {
  float number = 0;
  const NumberEnd result = ParseNumber(begin, end, number);
  if (result.status == ParseStatus::kOk) value = BFloat16(number);
  return result;
}

}  // namespace granary
