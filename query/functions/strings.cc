// Functions that look at a string or make one: length, substring, trim, concat, pad ...
#include <algorithm>
#include <bit>
#include <cctype>

#include <fmt/format.h>

#include "granary/query/formats/utf8.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/slice_range.h"
#include "granary/query/functions/text_conversion.h"
#include "granary/query/functions/type_rules.h"
#include "granary/query/functions/utf8_text.h"

namespace granary {
namespace {

// Of the result of one call on one block.
constexpr size_t kResultBytesMax = size_t{1} << 30;

void CheckRoom(const StringBuffer& buffer, uint64_t bytes, std::string_view function) {
  if (bytes <= kResultBytesMax && buffer.bytes() + bytes <= kResultBytesMax) return;
  throw Error(ErrorCode::kTooLargeStringSize,
              fmt::format("The result of function {} would be larger than {} bytes", function,
                          kResultBytesMax));
}

// f(text, result) appends the result of one row and ends it.
template <class F>
FunctionBinder TextBinder(std::string name, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    return Function(TypeId::kString, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]);
      StringBuffer result(rows);
      for (size_t row = 0; row < rows; ++row) f(texts[row], result);
      return result.Finish();
    });
  };
}

// f(text) is a number.
template <class T, class F>
FunctionBinder NumberOfTextBinder(std::string name, DataType type, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    return Function(type, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]);
      return FillNumbers<T>(type, rows, [&](size_t row) { return f(texts[row]); });
    });
  };
}

// length, empty, notEmpty: f(size) for strings and arrays.
template <class T, class F>
FunctionBinder SizeBinder(std::string name, DataType type, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType& argument = arguments[0].type;
    if (!argument.is_string() && !argument.is_array()) {
      ThrowIllegalType(name, 0, argument, "String or an array");
    }
    return Function(type, [=](std::span<const ColumnPtr> values, size_t rows) {
      if (values[0]->type().is_array()) {
        const ArrayView arrays(*values[0]);
        return FillNumbers<T>(type, rows, [&](size_t row) { return f(arrays.Length(row)); });
      }
      const StringView texts(*values[0]);
      return FillNumbers<T>(type, rows, [&](size_t row) { return f(texts[row].size()); });
    });
  };
}

template <char (*Map)(char)>
void MapBytes(std::string_view text, StringBuffer& result) {
  char* const out = result.AppendBytes(text.size());
  ForStretches(text.size(), [&](size_t begin, size_t end) {
    std::transform(text.begin() + begin, text.begin() + end, out + begin, Map);
  });
  result.EndRow();
}

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char UpperAscii(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

bool IsValidUtf8(std::string_view text) {
  const char* end = text.data() + text.size();
  CancelCheck check;
  for (const char* in = text.data(); in != end;) {
    const size_t bytes = Utf8SequenceBytes(in, end);
    if (bytes == 0) return false;
    in += bytes;
    check.After(2);
  }
  return true;
}

void ReverseCharacters(std::string_view text, StringBuffer& result) {
  result.ReserveBytes(text.size());
  CancelCheck check;
  size_t end = text.size();
  while (end > 0) {
    check.After(4);
    size_t begin = end - 1;
    while (begin > 0 && !BeginsCharacter(text[begin])) --begin;
    result.Append(text.substr(begin, end - begin));
    end = begin;
  }
  result.EndRow();
}

// substring and its kin

std::string_view SliceText(std::string_view text, int64_t position, int64_t length,
                           bool by_characters) {
  SliceRange range =
      TakeSlice(by_characters ? CountCharacters(text) : text.size(), position, length);
  if (by_characters) {
    range.begin = BytesOfCharacters(text, range.begin);
    range.end = BytesOfCharacters(text, range.end);
  }
  return text.substr(range.begin, range.end - range.begin);
}

FunctionBinder SubstringBinder(std::string name, bool by_characters) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    for (size_t i = 1; i < arguments.size(); ++i) RequireInteger(name, arguments, i);
    return Function(TypeId::kString, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]);
      const auto positions = ReadNumbers<int64_t>(*values[1], rows);
      ChargedVector<int64_t> lengths(rows, kToTheEnd);
      if (values.size() > 2) lengths = ReadNumbers<int64_t>(*values[2], rows);
      StringBuffer result(rows);
      for (size_t row = 0; row < rows; ++row) {
        result.AppendRow(SliceText(texts[row], positions[row], lengths[row], by_characters));
      }
      return result.Finish();
    });
  };
}

// left(text, n), right(text, n); a negative n leaves out that many at the other end.
FunctionBinder EndBinder(std::string name, bool is_left, bool by_characters) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    RequireInteger(name, arguments, 1);
    return Function(TypeId::kString, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]);
      const auto counts = ReadNumbers<int64_t>(*values[1], rows);
      StringBuffer result(rows);
      for (size_t row = 0; row < rows; ++row) {
        const int64_t count = std::max(counts[row], -kToTheEnd);
        int64_t position = 1, length = count;
        if (!is_left) {
          position = count > 0 ? -count : 1 - std::max(count, 1 - kToTheEnd);
          length = count == 0 ? 0 : kToTheEnd;
        }
        result.AppendRow(SliceText(texts[row], position, length, by_characters));
      }
      return result.Finish();
    });
  };
}

// trim

std::string_view TrimBytes(std::string_view text, std::string_view unwanted, bool left,
                           bool right) {
  const auto is_unwanted = [&](char c) { return unwanted.find(c) != unwanted.npos; };
  CancelCheck check;
  for (; left && !text.empty() && is_unwanted(text.front()); check.After(4)) text.remove_prefix(1);
  for (; right && !text.empty() && is_unwanted(text.back()); check.After(4)) text.remove_suffix(1);
  return text;
}

FunctionBinder TrimBinder(std::string name, bool left, bool right) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    for (size_t i = 0; i < arguments.size(); ++i) RequireString(name, arguments, i);
    return Function(TypeId::kString, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]);
      const ColumnPtr unwanted =
          values.size() > 1 ? values[1] : MakeConstant(TypeId::kString, std::string(" "), rows);
      const StringView characters(*unwanted);
      StringBuffer result(rows);
      for (size_t row = 0; row < rows; ++row) {
        result.AppendRow(TrimBytes(texts[row], characters[row], left, right));
      }
      return result.Finish();
    });
  };
}

// repeat, space, pad

// Exactly `bytes` of the text again and again: what is there already is copied in growing pieces.
void AppendRepeated(std::string_view text, size_t bytes, StringBuffer& result) {
  constexpr size_t kPieceBytesMax = size_t{1} << 18;
  if (bytes == 0) return;
  result.ReserveBytes(bytes);
  char* const out = result.AppendBytes(bytes);
  size_t done = std::min(bytes, text.size());
  std::copy_n(text.data(), done, out);
  const size_t piece_max = std::max(text.size(), kPieceBytesMax / text.size() * text.size());
  CancelCheck check;
  while (done < bytes) {
    const size_t piece = std::min({done, piece_max, bytes - done});
    std::copy_n(out, piece, out + done);
    done += piece;
    check.After(piece / 4);
  }
}

std::string_view PadOf(std::string_view text) { return text.empty() ? " " : text; }

Function BindRepeat(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireString("repeat", arguments, 0);
  RequireInteger("repeat", arguments, 1);
  return {TypeId::kString,
          [](std::span<const ColumnPtr> values, size_t rows) {
            const StringView texts(*values[0]);
            const auto counts = ReadNumbers<int64_t>(*values[1], rows);
            StringBuffer result(rows);
            for (size_t row = 0; row < rows; ++row) {
              const uint64_t count = static_cast<uint64_t>(std::max<int64_t>(counts[row], 0));
              if (count > kResultBytesMax) CheckRoom(result, count, "repeat");
              CheckRoom(result, count * texts[row].size(), "repeat");
              AppendRepeated(texts[row], count * texts[row].size(), result);
              result.EndRow();
            }
            return result.Finish();
          },
          true};
}

Function BindSpace(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireInteger("space", arguments, 0);
  return {TypeId::kString,
          [](std::span<const ColumnPtr> values, size_t rows) {
            const auto counts = ReadNumbers<int64_t>(*values[0], rows);
            StringBuffer result(rows);
            for (const int64_t count : counts) {
              const uint64_t bytes = static_cast<uint64_t>(std::max<int64_t>(count, 0));
              CheckRoom(result, bytes, "space");
              AppendRepeated(" ", bytes, result);
              result.EndRow();
            }
            return result.Finish();
          },
          true};
}

FunctionBinder PadBinder(std::string name, bool left) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    RequireInteger(name, arguments, 1);
    if (arguments.size() > 2) RequireString(name, arguments, 2);
    const auto body = [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]);
      const auto lengths = ReadNumbers<int64_t>(*values[1], rows);
      const ColumnPtr pad_column =
          values.size() > 2 ? values[2] : MakeConstant(TypeId::kString, std::string(" "), rows);
      const StringView pads(*pad_column);
      StringBuffer result(rows);
      for (size_t row = 0; row < rows; ++row) {
        const std::string_view text = texts[row];
        const uint64_t length = static_cast<uint64_t>(std::max<int64_t>(lengths[row], 0));
        CheckRoom(result, length, name);
        const uint64_t padding = length > text.size() ? length - text.size() : 0;
        if (left) AppendRepeated(PadOf(pads[row]), padding, result);
        result.Append(text.substr(0, length));
        if (!left) AppendRepeated(PadOf(pads[row]), padding, result);
        result.EndRow();
      }
      return result.Finish();
    };
    return Function(TypeId::kString, body, true);
  };
}

// concat, format

std::vector<ColumnPtr> AsTexts(std::span<const ColumnPtr> columns) {
  std::vector<ColumnPtr> texts;
  for (const ColumnPtr& column : columns) texts.push_back(ColumnToText(column));
  return texts;
}

std::vector<StringView> ViewsOf(const std::vector<ColumnPtr>& columns) {
  std::vector<StringView> views;
  for (const ColumnPtr& column : columns) views.emplace_back(*column);
  return views;
}

// Of arrays only it is arrayConcat.
Function BindConcat(std::span<const FunctionArgument> arguments, const FunctionContext& context) {
  const bool are_arrays =
      !arguments.empty() && std::ranges::all_of(arguments, [](const FunctionArgument& argument) {
        return argument.type.is_array();
      });
  if (are_arrays) return BuiltinFunctions().Bind("arrayConcat", arguments, context);
  return {TypeId::kString, [](std::span<const ColumnPtr> values, size_t rows) {
            const std::vector<ColumnPtr> texts = AsTexts(values);
            const std::vector<StringView> views = ViewsOf(texts);
            StringBuffer result(rows);
            for (size_t row = 0; row < rows; ++row) {
              for (const StringView& view : views) result.Append(view[row]);
              result.EndRow();
            }
            return result.Finish();
          }};
}

Function BindConcatWithSeparator(std::span<const FunctionArgument> arguments,
                                 const FunctionContext&) {
  RequireString("concatWithSeparator", arguments, 0);
  return {TypeId::kString, [](std::span<const ColumnPtr> values, size_t rows) {
            const std::vector<ColumnPtr> texts = AsTexts(values);
            const std::vector<StringView> views = ViewsOf(texts);
            StringBuffer result(rows);
            for (size_t row = 0; row < rows; ++row) {
              for (size_t i = 1; i < views.size(); ++i) {
                if (i > 1) result.Append(views[0][row]);
                result.Append(views[i][row]);
              }
              result.EndRow();
            }
            return result.Finish();
          }};
}

// A piece of a format string: text, then the argument with a number (none at the end).
struct FormatPiece {
  std::string text;
  std::optional<size_t> argument;
};

[[noreturn]] void ThrowBadFormat(const std::string& pattern) {
  throw Error(ErrorCode::kBadArguments,
              fmt::format("The format string '{}' is malformed or names more arguments than there "
                          "are; use {{}} or {{0}}, and {{{{ for a brace",
                          pattern));
}

std::vector<FormatPiece> ParseFormat(const std::string& pattern, size_t arguments) {
  std::vector<FormatPiece> pieces(1);
  size_t next = 0;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if ((c == '{' || c == '}') && i + 1 < pattern.size() && pattern[i + 1] == c) {
      pieces.back().text += c;
      ++i;
    } else if (c == '{') {
      const size_t close = pattern.find('}', i);
      if (close == pattern.npos) ThrowBadFormat(pattern);
      const std::string number = pattern.substr(i + 1, close - i - 1);
      const bool is_number =
          number.size() <= 3 && std::all_of(number.begin(), number.end(), isdigit);
      if (!is_number) ThrowBadFormat(pattern);
      const size_t argument = number.empty() ? next++ : std::stoul(number);
      if (argument >= arguments) ThrowBadFormat(pattern);
      pieces.back().argument = argument;
      pieces.emplace_back();
      i = close;
    } else if (c == '}') {
      ThrowBadFormat(pattern);
    } else {
      pieces.back().text += c;
    }
  }
  return pieces;
}

Function BindFormat(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireString("format", arguments, 0);
  const std::string pattern = RequireConstant("format", 0, arguments[0])->ValueAt(0).as_string();
  return {TypeId::kString, [pieces = ParseFormat(pattern, arguments.size() - 1)](
                               std::span<const ColumnPtr> values, size_t rows) {
            const std::vector<ColumnPtr> texts = AsTexts(values.subspan(1));
            const std::vector<StringView> views = ViewsOf(texts);
            StringBuffer result(rows);
            for (size_t row = 0; row < rows; ++row) {
              for (const FormatPiece& piece : pieces) {
                result.Append(piece.text);
                if (piece.argument) result.Append(views[*piece.argument][row]);
              }
              result.EndRow();
            }
            return result.Finish();
          }};
}

}  // namespace

void RegisterStrings(FunctionRegistry& registry) {
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  constexpr auto kPlain = FunctionKind::kPlain;
  registry.Add({"length", 1, 1,
                SizeBinder<uint64_t>("length", TypeId::kUInt64, [](uint64_t size) { return size; }),
                kPlain, true});
  registry.AddAlias("octet_length", "length", true);
  registry.Add({"empty", 1, 1, SizeBinder<uint8_t>("empty", TypeId::kUInt8, [](uint64_t size) {
                  return size == 0;
                })});
  registry.Add(
      {"notEmpty", 1, 1,
       SizeBinder<uint8_t>("notEmpty", TypeId::kUInt8, [](uint64_t size) { return size != 0; })});
  registry.Add({"lengthUTF8", 1, 1,
                NumberOfTextBinder<uint64_t>("lengthUTF8", TypeId::kUInt64, CountCharacters)});
  registry.AddAlias("char_length", "lengthUTF8", true);
  registry.AddAlias("character_length", "lengthUTF8", true);
  registry.Add({"isValidUTF8", 1, 1,
                NumberOfTextBinder<uint8_t>("isValidUTF8", TypeId::kUInt8, IsValidUtf8)});
  registry.Add({"ascii", 1, 1,
                NumberOfTextBinder<int32_t>("ascii", TypeId::kInt32,
                                            [](std::string_view text) -> int32_t {
                                              return text.empty()
                                                         ? 0
                                                         : static_cast<unsigned char>(text[0]);
                                            }),
                kPlain, true});
  registry.Add({"lower", 1, 1, TextBinder("lower", MapBytes<LowerAscii>), kPlain, true});
  registry.AddAlias("lcase", "lower", true);
  registry.Add({"upper", 1, 1, TextBinder("upper", MapBytes<UpperAscii>), kPlain, true});
  registry.AddAlias("ucase", "upper", true);
  registry.Add({"lowerUTF8", 1, 1, TextBinder("lowerUTF8", [](auto text, StringBuffer& result) {
                  result.AppendRow(LowerUtf8(text));
                })});
  registry.Add({"upperUTF8", 1, 1, TextBinder("upperUTF8", [](auto text, StringBuffer& result) {
                  result.AppendRow(UpperUtf8(text));
                })});
  registry.Add({"reverseUTF8", 1, 1, TextBinder("reverseUTF8", ReverseCharacters)});
  registry.Add({"substring", 2, 3, SubstringBinder("substring", false), kPlain, true});
  registry.AddAlias("substr", "substring", true);
  registry.AddAlias("mid", "substring", true);
  registry.Add({"substringUTF8", 2, 3, SubstringBinder("substringUTF8", true)});
  registry.Add({"left", 2, 2, EndBinder("left", true, false), kPlain, true});
  registry.Add({"leftUTF8", 2, 2, EndBinder("leftUTF8", true, true)});
  registry.Add({"right", 2, 2, EndBinder("right", false, false), kPlain, true});
  registry.Add({"rightUTF8", 2, 2, EndBinder("rightUTF8", false, true)});
  registry.Add({"trimBoth", 1, 2, TrimBinder("trimBoth", true, true)});
  registry.AddAlias("trim", "trimBoth", true);
  registry.Add({"trimLeft", 1, 2, TrimBinder("trimLeft", true, false)});
  registry.AddAlias("ltrim", "trimLeft", true);
  registry.Add({"trimRight", 1, 2, TrimBinder("trimRight", false, true)});
  registry.AddAlias("rtrim", "trimRight", true);
  registry.Add({"repeat", 2, 2, BindRepeat, kPlain, true});
  registry.Add({"space", 1, 1, BindSpace, kPlain, true});
  registry.Add({"leftPad", 2, 3, PadBinder("leftPad", true)});
  registry.AddAlias("lpad", "leftPad", true);
  registry.Add({"rightPad", 2, 3, PadBinder("rightPad", false)});
  registry.AddAlias("rpad", "rightPad", true);
  registry.Add({"concat", 0, kAnyNumber, BindConcat, kPlain, true});
  registry.Add({"concatWithSeparator", 1, kAnyNumber, BindConcatWithSeparator});
  registry.AddAlias("concat_ws", "concatWithSeparator", true);
  registry.Add({"format", 1, kAnyNumber, BindFormat});
}

}  // namespace granary
