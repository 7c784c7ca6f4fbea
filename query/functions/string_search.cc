// like and its kin, position, startsWith, endsWith, replace.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/like_pattern.h"
#include "granary/query/functions/text_search.h"
#include "granary/query/functions/type_rules.h"
#include "granary/query/functions/utf8_text.h"

namespace granary {
namespace {

FunctionBinder LikeBinder(std::string name, bool ignores_case, bool negated) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    RequireString(name, arguments, 1);
    std::shared_ptr<const LikePattern> fixed;
    if (const ColumnPtr& pattern = arguments[1].constant) {
      fixed = std::make_shared<LikePattern>(pattern->ValueAt(0).as_string(), ignores_case);
    }
    return Function(TypeId::kUInt8, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]), patterns(*values[1]);
      return FillNumbers<uint8_t>(TypeId::kUInt8, rows, [&](size_t row) {
        const bool matches = fixed != nullptr
                                 ? fixed->Matches(texts[row])
                                 : LikePattern(patterns[row], ignores_case).Matches(texts[row]);
        return matches != negated;
      });
    });
  };
}

// f(text, other) for each row; both arguments are strings.
template <class Result, class F>
FunctionBinder PairBinder(std::string name, DataType type, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    RequireString(name, arguments, 1);
    return Function(type, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]), others(*values[1]);
      return FillNumbers<Result>(type, rows,
                                 [&](size_t row) { return f(texts[row], others[row]); });
    });
  };
}

// Where `needle` first begins at or after position `start` (both from 1); 0: nowhere.
uint64_t PositionInBytes(std::string_view text, std::string_view needle, uint64_t start) {
  const size_t from = start == 0 ? 0 : start - 1;
  if (from > text.size()) return 0;
  const size_t found = FindText(text, needle, from);
  return found == text.npos ? 0 : found + 1;
}

uint64_t PositionInCharacters(std::string_view text, std::string_view needle, uint64_t start) {
  const size_t from = start == 0 ? 0 : BytesOfCharacters(text, start - 1);
  const size_t found = FindText(text, needle, from);
  return found == text.npos ? 0 : CountCharacters(text.substr(0, found)) + 1;
}

// position(text, needle[, start]); locate(needle, text[, start]) has the first two swapped.
template <uint64_t (*Position)(std::string_view, std::string_view, uint64_t)>
FunctionBinder PositionBinder(std::string name, bool ignores_case, bool needle_first = false) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireString(name, arguments, 0);
    RequireString(name, arguments, 1);
    if (arguments.size() == 3) RequireInteger(name, arguments, 2);
    return Function(TypeId::kUInt64, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[needle_first]), needles(*values[!needle_first]);
      ChargedVector<uint64_t> starts(rows, 0);
      if (values.size() == 3) starts = ReadNumbers<uint64_t>(*values[2], rows);
      return FillNumbers<uint64_t>(TypeId::kUInt64, rows, [&](size_t row) {
        if (!ignores_case) return Position(texts[row], needles[row], starts[row]);
        return Position(LowerUtf8(texts[row]), LowerUtf8(needles[row]), starts[row]);
      });
    });
  };
}

void AppendReplaced(std::string_view text, std::string_view from, std::string_view to, bool all,
                    StringBuffer& out) {
  CancelCheck check;
  size_t done = 0;
  while (!from.empty()) {
    const size_t found = FindText(text, from, done);
    if (found == text.npos) break;
    out.Append(text.substr(done, found - done));
    out.Append(to);
    check.After(64 + found - done);
    done = found + from.size();
    if (!all) break;
  }
  out.AppendRow(text.substr(done));
}

FunctionBinder ReplaceBinder(std::string name, bool all) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    for (size_t i = 0; i < 3; ++i) RequireString(name, arguments, i);
    return Function(TypeId::kString, [=](std::span<const ColumnPtr> values, size_t rows) {
      const StringView texts(*values[0]), from(*values[1]), to(*values[2]);
      StringBuffer result(rows);
      for (size_t row = 0; row < rows; ++row) {
        AppendReplaced(texts[row], from[row], to[row], all, result);
      }
      return result.Finish();
    });
  };
}

uint64_t CountSubstrings(std::string_view text, std::string_view needle) {
  uint64_t count = 0;
  size_t from = 0;
  CancelCheck check;
  while (!needle.empty() && (from = FindText(text, needle, from)) != text.npos) {
    ++count;
    from += needle.size();
    check.After(64);
  }
  return count;
}

}  // namespace

void RegisterStringSearch(FunctionRegistry& registry) {
  registry.Add({"like", 2, 2, LikeBinder("like", false, false), FunctionKind::kPlain, true});
  registry.Add({"notLike", 2, 2, LikeBinder("notLike", false, true)});
  registry.Add({"ilike", 2, 2, LikeBinder("ilike", true, false)});
  registry.Add({"notILike", 2, 2, LikeBinder("notILike", true, true)});
  registry.Add({"startsWith", 2, 2,
                PairBinder<uint8_t>("startsWith", TypeId::kUInt8,
                                    [](std::string_view text, std::string_view prefix) {
                                      return text.starts_with(prefix);
                                    })});
  registry.Add({"endsWith", 2, 2,
                PairBinder<uint8_t>("endsWith", TypeId::kUInt8,
                                    [](std::string_view text, std::string_view suffix) {
                                      return text.ends_with(suffix);
                                    })});
  registry.Add({"countSubstrings", 2, 2,
                PairBinder<uint64_t>("countSubstrings", TypeId::kUInt64, CountSubstrings),
                FunctionKind::kPlain, true});
  registry.Add({"position", 2, 3, PositionBinder<PositionInBytes>("position", false),
                FunctionKind::kPlain, true});
  registry.Add({"locate", 2, 3, PositionBinder<PositionInBytes>("locate", false, true),
                FunctionKind::kPlain, true});
  registry.Add({"positionUTF8", 2, 3, PositionBinder<PositionInCharacters>("positionUTF8", false)});
  registry.Add({"positionCaseInsensitive", 2, 3,
                PositionBinder<PositionInBytes>("positionCaseInsensitive", true)});
  registry.Add({"positionCaseInsensitiveUTF8", 2, 3,
                PositionBinder<PositionInCharacters>("positionCaseInsensitiveUTF8", true)});
  registry.Add({"replaceAll", 3, 3, ReplaceBinder("replaceAll", true)});
  registry.AddAlias("replace", "replaceAll", true);
  registry.Add({"replaceOne", 3, 3, ReplaceBinder("replaceOne", false)});
}

}  // namespace granary
