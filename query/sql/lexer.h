// Text to tokens. The scanner is generated from lexer.re at build time; it never reads outside the
// text and needs no terminating zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace granary::sql {

enum class TokenKind : uint8_t {
  kEnd,
  kWord,              // keyword or plain identifier
  kQuotedIdentifier,  // `name` or "name"
  kNumber,            // 12, 1_000, 1.5e3, .5, 0xFF, 0b11; without sign
  kString,            // 'text'
  kHexString,         // x'00FF'
  kBinaryString,      // b'0101'
  kHeredoc,           // $tag$text$tag$
  kOpenParen,
  kCloseParen,
  kOpenBracket,
  kCloseBracket,
  kOpenBrace,
  kCloseBrace,
  kComma,
  kSemicolon,
  kDot,
  kColon,
  kDoubleColon,
  kQuestion,
  kArrow,
  kPlus,
  kMinus,
  kAsterisk,
  kSlash,
  kPercent,
  kConcat,
  kEquals,
  kNotEquals,
  kLess,
  kLessOrEquals,
  kGreater,
  kGreaterOrEquals,
  // What no rule of the dialect fits.
  kUnknownCharacter,
  kBadNumber,            // 12abc
  kUnterminatedString,   // also quoted identifiers and heredocs
  kUnterminatedComment,  // of /* */
};

// Bytes [begin, end) of the text.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  size_t begin = 0;
  size_t end = 0;
};

// The first token at or after byte `offset`, past spaces and comments.
Token NextToken(std::string_view text, size_t offset);

}  // namespace granary::sql
