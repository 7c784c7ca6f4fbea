#include "granary/query/functions/like_pattern.h"

#include <algorithm>

#include "granary/query/formats/utf8.h"
#include "granary/query/functions/text_search.h"
#include "granary/query/functions/utf8_text.h"

namespace granary {
namespace {

constexpr size_t npos = std::string_view::npos;
constexpr size_t kNanosecondsPerPlace = 16;

// Calls on_literal(byte), on_any() for _ and on_gap() for %, in the order of the pattern.
template <class Literal, class Any, class Gap>
void WalkPattern(std::string_view pattern, Literal&& on_literal, Any&& on_any, Gap&& on_gap) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    const bool is_escape = pattern[i] == '\\' && i + 1 < pattern.size();
    if (is_escape) {
      const char next = pattern[++i];
      if (next != '%' && next != '_' && next != '\\') on_literal('\\');
      on_literal(next);
    } else if (pattern[i] == '%') {
      on_gap();
    } else if (pattern[i] == '_') {
      on_any();
    } else {
      on_literal(pattern[i]);
    }
  }
}

}  // namespace

LikePattern::LikePattern(std::string_view pattern, bool ignores_case)
    : pieces_{{""}}, ignores_case_(ignores_case) {
  const ChargedString folded = ignores_case ? LowerUtf8(pattern) : ChargedString(pattern);
  WalkPattern(
      folded, [&](char c) { pieces_.back().back() += c; }, [&] { pieces_.back().emplace_back(); },
      [&] { pieces_.push_back({""}); });
}

size_t LikePattern::MatchAt(const Piece& piece, std::string_view text, size_t begin) {
  for (size_t i = 0; i < piece.size(); ++i) {
    if (i > 0) {
      if (begin >= text.size()) return npos;
      const char* at = text.data() + begin;
      begin += std::max<size_t>(1, Utf8SequenceBytes(at, text.data() + text.size()));
    }
    if (text.compare(begin, piece[i].size(), piece[i]) != 0) return npos;
    begin += piece[i].size();
  }
  return begin;
}

size_t LikePattern::FindEnd(const Piece& piece, std::string_view text, size_t from) {
  CancelCheck check;
  for (size_t begin = from; (begin = FindText(text, piece[0], begin)) != npos; ++begin) {
    check.After(kNanosecondsPerPlace);
    const size_t end = MatchAt(piece, text, begin);
    if (end != npos) return end;
  }
  return npos;
}

bool LikePattern::EndsWith(const Piece& piece, std::string_view text, size_t from) {
  if (piece.size() == 1) {
    return text.size() - from >= piece[0].size() && text.ends_with(piece[0]);
  }
  CancelCheck check;
  for (size_t begin = from; begin <= text.size(); ++begin) {
    check.After(kNanosecondsPerPlace);
    if (MatchAt(piece, text, begin) == text.size()) return true;
  }
  return false;
}

bool LikePattern::MatchesPieces(std::string_view text) const {
  size_t position = MatchAt(pieces_[0], text, 0);
  if (position == npos || pieces_.size() == 1) return position == text.size();
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    position = FindEnd(pieces_[i], text, position);
    if (position == npos) return false;
  }
  return EndsWith(pieces_.back(), text, position);
}

bool LikePattern::Matches(std::string_view text) const {
  return ignores_case_ ? MatchesPieces(LowerUtf8(text)) : MatchesPieces(text);
}

LikePrefix PrefixOfLike(std::string_view pattern) {
  LikePrefix prefix;
  bool is_open = true;
  size_t gaps = 0, others = 0;
  WalkPattern(
      pattern,
      [&](char c) {
        if (is_open) prefix.text += c;
        others += is_open ? 0 : 1;
      },
      [&] {
        is_open = false;
        ++others;
      },
      [&] {
        is_open = false;
        ++gaps;
      });
  if (gaps + others > 0) {
    prefix.rest = others == 0 ? LikePrefix::Rest::kAnything : LikePrefix::Rest::kMore;
  }
  return prefix;
}

}  // namespace granary
