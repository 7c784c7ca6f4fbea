// Numbers as text: printed as ClickHouse prints them (the shortest digits that read back as the
// same value, in positional notation from 1e-6 up to 1e21, else as 1.5e-7; inf, -inf, nan), and
// read back without loss. Plain functions, no allocation, any thread.
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include "granary/table/types.h"

namespace granary {

// The longest text of a number, in bytes.
inline constexpr size_t kNumberTextBytesMax = 32;

// Writes at most kNumberTextBytesMax bytes to `out` and returns the end.
char* PrintNumber(double value, char* out);
char* PrintNumber(float value, char* out);
inline char* PrintNumber(BFloat16 value, char* out) {
  return PrintNumber(static_cast<float>(value), out);
}
template <std::integral T>
char* PrintNumber(T value, char* out) {
  return std::to_chars(out, out + kNumberTextBytesMax, value).ptr;
}

template <class T>
void AppendNumber(T value, std::string& out) {
  char text[kNumberTextBytesMax];
  out.append(text, PrintNumber(value, text));
}

enum class ParseStatus : uint8_t {
  kOk,
  kBadText,     // not a value of the type
  kOutOfRange,  // a number or date beyond what the type can hold
};

struct NumberEnd {
  const char* end;  // behind the last character of the number
  ParseStatus status;
};

// Reads the number at the beginning of [begin, end), which may start with + or -. Floats may be
// inf, infinity or nan in any case; beyond the range they become infinite or zero.
NumberEnd ParseNumber(const char* begin, const char* end, double& value);
NumberEnd ParseNumber(const char* begin, const char* end, float& value);
NumberEnd ParseNumber(const char* begin, const char* end, BFloat16& value);
template <std::integral T>
NumberEnd ParseNumber(const char* begin, const char* end, T& value) {
  const bool has_plus = end - begin > 1 && *begin == '+' && begin[1] != '-';
  const bool is_minus_unsigned = std::unsigned_integral<T> && begin != end && *begin == '-';
  const char* digits = begin + (has_plus || is_minus_unsigned);
  const auto [ptr, error] = std::from_chars(digits, end, value);
  if (error == std::errc::result_out_of_range) return {ptr, ParseStatus::kOutOfRange};
  if (error != std::errc() || ptr == digits) return {begin, ParseStatus::kBadText};
  if (is_minus_unsigned && value != 0) return {ptr, ParseStatus::kOutOfRange};
  return {ptr, ParseStatus::kOk};
}

}  // namespace granary
