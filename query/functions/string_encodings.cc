// hex, unhex, char, and between strings and arrays: splitByChar, arrayStringConcat ...
#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/text_search.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

void AppendHexByte(uint8_t byte, StringBuffer& result) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  result.Append(kDigits[byte >> 4]);
  result.Append(kDigits[byte & 15]);
}

// Integers from the most significant byte that is not 0; everything else in memory order.
template <class T>
void AppendHexNumber(T value, StringBuffer& result) {
  if constexpr (std::is_integral_v<T>) {
    const uint64_t bits = static_cast<std::make_unsigned_t<T>>(value);
    const int bytes = std::max(1, (static_cast<int>(std::bit_width(bits)) + 7) / 8);
    for (int i = bytes - 1; i >= 0; --i)
      AppendHexByte(static_cast<uint8_t>(bits >> (8 * i)), result);
  } else {
    uint8_t bytes[sizeof(T)];
    std::copy_n(reinterpret_cast<const uint8_t*>(&value), sizeof(T), bytes);
    for (const uint8_t byte : bytes) AppendHexByte(byte, result);
  }
  result.EndRow();
}

Function BindHex(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType type = arguments[0].type;
  if (type.is_array() || type.is_nothing()) {
    ThrowIllegalType("hex", 0, type, "String, a number or a date");
  }
  return {TypeId::kString, [type](std::span<const ColumnPtr> values, size_t rows) {
            StringBuffer result(rows);
            if (type.is_string()) {
              const StringView texts(*values[0]);
              for (size_t row = 0; row < rows; ++row) {
                CancelCheck check;
                for (const char c : texts[row]) {
                  AppendHexByte(static_cast<uint8_t>(c), result);
                  check.After(2);
                }
                result.EndRow();
              }
              return result.Finish();
            }
            VisitFixedType(type.id(), [&]<class T>() {
              const NumberView<T> numbers(*values[0]);
              for (size_t row = 0; row < rows; ++row) AppendHexNumber(numbers[row], result);
            });
            return result.Finish();
          }};
}

uint8_t HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? static_cast<uint8_t>(lower - 'a' + 10) : 0;
}

// An odd first digit stands for a byte of its own; characters that are no digits count as 0.
Function BindUnhex(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireString("unhex", arguments, 0);
  return {TypeId::kString, [](std::span<const ColumnPtr> values, size_t rows) {
            const StringView texts(*values[0]);
            StringBuffer result(rows);
            for (size_t row = 0; row < rows; ++row) {
              uint8_t high = 0;
              CancelCheck check;
              for (size_t i = texts[row].size() % 2, digit = 0; digit < texts[row].size();
                   ++digit) {
                const uint8_t value = HexDigit(texts[row][digit]);
                check.After(2);
                if ((digit + i) % 2 == 1) {
                  result.Append(static_cast<char>(high << 4 | value));
                  high = 0;
                } else {
                  high = value;
                }
              }
              result.EndRow();
            }
            return result.Finish();
          }};
}

Function BindChar(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  for (size_t i = 0; i < arguments.size(); ++i) RequireInteger("char", arguments, i);
  return {TypeId::kString, [](std::span<const ColumnPtr> values, size_t rows) {
            std::vector<ChargedVector<uint8_t>> bytes;
            for (const ColumnPtr& value : values)
              bytes.push_back(ReadNumbers<uint8_t>(*value, rows));
            StringBuffer result(rows);
            for (size_t row = 0; row < rows; ++row) {
              for (const auto& column : bytes) result.Append(static_cast<char>(column[row]));
              result.EndRow();
            }
            return result.Finish();
          }};
}

// Strings to arrays

// split(text, append) calls append(piece) for each piece.
template <class Split>
ColumnPtr SplitRows(const Column& column, size_t rows, const Split& split) {
  const StringView texts(column);
  StringBuffer pieces(rows);
  ChargedVector<uint64_t> end_offsets;
  uint64_t total = 0;
  CancelCheck check;
  const auto append = [&](std::string_view piece) {
    pieces.AppendRow(piece);
    ++total;
    check.After(32);
  };
  for (size_t row = 0; row < rows; ++row) {
    split(texts[row], append);
    end_offsets.push_back(total);
  }
  return std::make_shared<ArrayColumn>(pieces.Finish(), std::move(end_offsets));
}

template <class Append>
void SplitBySeparator(std::string_view text, std::string_view separator, const Append& append) {
  if (separator.empty()) {
    for (size_t i = 0; i < text.size(); ++i) append(text.substr(i, 1));
    return;
  }
  size_t begin = 0;
  for (size_t end; (end = FindText(text, separator, begin)) != text.npos;
       begin = end + separator.size()) {
    append(text.substr(begin, end - begin));
  }
  append(text.substr(begin));
}

FunctionBinder SplitBinder(std::string name, bool by_char) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    RequireString(name, arguments, 1);
    const std::string separator = RequireConstant(name, 0, arguments[0])->ValueAt(0).as_string();
    if (by_char && separator.size() != 1) {
      throw Error(ErrorCode::kBadArguments,
                  fmt::format("The separator of function {} must be one byte, not '{}'; use "
                              "splitByString",
                              name, separator));
    }
    return Function(DataType::Array(TypeId::kString),
                    [=](std::span<const ColumnPtr> values, size_t rows) {
                      return SplitRows(*values[1], rows, [&](std::string_view text, auto& append) {
                        SplitBySeparator(text, separator, append);
                      });
                    });
  };
}

Function BindSplitByWhitespace(std::span<const FunctionArgument> arguments,
                               const FunctionContext&) {
  RequireString("splitByWhitespace", arguments, 0);
  return {DataType::Array(TypeId::kString), [](std::span<const ColumnPtr> values, size_t rows) {
            return SplitRows(*values[0], rows, [](std::string_view text, auto& append) {
              const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
              CancelCheck check;
              size_t begin = 0;
              for (size_t i = 0; i < text.size(); ++i, check.After(1)) {
                if (!is_space(text[i])) continue;
                if (i > begin) append(text.substr(begin, i - begin));
                begin = i + 1;
              }
              if (begin < text.size()) append(text.substr(begin));
            });
          }};
}

Function BindArrayStringConcat(std::span<const FunctionArgument> arguments,
                               const FunctionContext&) {
  RequireArray("arrayStringConcat", arguments, 0);
  std::string separator;
  if (arguments.size() > 1) {
    RequireString("arrayStringConcat", arguments, 1);
    separator = RequireConstant("arrayStringConcat", 1, arguments[1])->ValueAt(0).as_string();
  }
  return {TypeId::kString, [separator](std::span<const ColumnPtr> values, size_t rows) {
            const ArrayView arrays(*values[0]);
            StringBuffer result(rows);
            const ColumnPtr texts = CastColumn(arrays.elements(), TypeId::kString);
            CancelCheck check;
            for (size_t row = 0; row < rows; ++row) {
              for (uint64_t i = arrays.Begin(row); i < arrays.End(row); ++i) {
                if (i > arrays.Begin(row)) result.Append(separator);
                result.Append(AsStrings(*texts).At(i));
                check.After(8);
              }
              result.EndRow();
            }
            return result.Finish();
          }};
}

Function BindFormatReadableSize(std::span<const FunctionArgument> arguments,
                                const FunctionContext&) {
  RequireNumber("formatReadableSize", arguments, 0);
  return {TypeId::kString, [](std::span<const ColumnPtr> values, size_t rows) {
            constexpr const char* kUnits[] = {"B",   "KiB", "MiB", "GiB", "TiB",
                                              "PiB", "EiB", "ZiB", "YiB"};
            StringBuffer result(rows);
            for (double size : ReadNumbers<double>(*values[0], rows)) {
              size_t unit = 0;
              for (; std::fabs(size) >= 1024 && unit + 1 < std::size(kUnits); ++unit) size /= 1024;
              result.AppendRow(fmt::format("{:.2f} {}", size, kUnits[unit]));
            }
            return result.Finish();
          }};
}

}  // namespace

void RegisterStringEncodings(FunctionRegistry& registry) {
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  constexpr auto kPlain = FunctionKind::kPlain;
  registry.Add({"hex", 1, 1, BindHex, kPlain, true});
  registry.Add({"unhex", 1, 1, BindUnhex, kPlain, true});
  registry.Add({"char", 1, kAnyNumber, BindChar, kPlain, true});
  registry.Add({"splitByChar", 2, 2, SplitBinder("splitByChar", true)});
  registry.Add({"splitByString", 2, 2, SplitBinder("splitByString", false)});
  registry.Add({"splitByWhitespace", 1, 1, BindSplitByWhitespace});
  registry.Add({"arrayStringConcat", 1, 2, BindArrayStringConcat});
  registry.Add({"formatReadableSize", 1, 1, BindFormatReadableSize});
  registry.AddAlias("FORMAT_BYTES", "formatReadableSize", true);
}

}  // namespace granary
