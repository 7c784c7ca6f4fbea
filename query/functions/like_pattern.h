// LIKE patterns: % stands for any text, _ for one character (a UTF-8 sequence), a backslash takes
// the next character as it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace granary {

// A compiled pattern. Matching takes time in proportion to text times pattern at worst and keeps
// no state; any thread.
class LikePattern {
 public:
  explicit LikePattern(std::string_view pattern, bool ignores_case = false);

  bool Matches(std::string_view text) const;

 private:
  // What stands between two %: texts with one `_` between each two of them.
  using Piece = std::vector<std::string>;

  // The end of the piece when it begins at `begin`, or npos if it does not match there.
  static size_t MatchAt(const Piece& piece, std::string_view text, size_t begin);
  // The end of the first match at or after `from`, or npos.
  static size_t FindEnd(const Piece& piece, std::string_view text, size_t from);
  // Whether there is a match at or after `from` that ends where the text does.
  static bool EndsWith(const Piece& piece, std::string_view text, size_t from);
  bool MatchesPieces(std::string_view text) const;

  std::vector<Piece> pieces_;  // with a % between each two of them
  bool ignores_case_;
};

// The literal text at the beginning of a pattern and what comes behind it.
struct LikePrefix {
  enum class Rest { kNothing, kAnything, kMore };

  std::string text;
  Rest rest = Rest::kNothing;  // kAnything: just %
};
LikePrefix PrefixOfLike(std::string_view pattern);

}  // namespace granary
