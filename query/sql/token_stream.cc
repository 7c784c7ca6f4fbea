#include "granary/query/sql/token_stream.h"

#include <algorithm>
#include <charconv>

#include "granary/query/sql/keywords.h"
#include "granary/query/sql/literals.h"
#include "granary/table/error.h"
#include "granary/table/stack_guard.h"

namespace granary::sql {
namespace {

// Of the stack, by what walks over a tree or frees it without checks of its own.
constexpr size_t kBytesPerLevel = 256;

std::string_view NameOf(TokenKind kind) {
  switch (kind) {
    case TokenKind::kOpenParen:
      return "'('";
    case TokenKind::kCloseParen:
      return "')'";
    case TokenKind::kOpenBracket:
      return "'['";
    case TokenKind::kCloseBracket:
      return "']'";
    case TokenKind::kCloseBrace:
      return "'}'";
    case TokenKind::kComma:
      return "','";
    case TokenKind::kSemicolon:
      return "';'";
    case TokenKind::kDot:
      return "'.'";
    case TokenKind::kColon:
      return "':'";
    case TokenKind::kArrow:
      return "'->'";
    case TokenKind::kAsterisk:
      return "'*'";
    case TokenKind::kEquals:
      return "'='";
    case TokenKind::kEnd:
      return "end of query";
    default:
      return "another token";
  }
}

std::string_view ProblemOf(TokenKind kind) {
  switch (kind) {
    case TokenKind::kUnknownCharacter:
      return "a character that SQL has no use for";
    case TokenKind::kBadNumber:
      return "a number that runs into a word";
    case TokenKind::kUnterminatedString:
      return "a quote that is never closed";
    case TokenKind::kUnterminatedComment:
      return "a comment that is never closed";
    default:
      return {};
  }
}

// Short enough for an error message, and not cut inside a UTF-8 character.
std::string_view Shorten(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  while (max_bytes > 0 && (static_cast<unsigned char>(text[max_bytes]) & 0xC0) == 0x80) --max_bytes;
  return text.substr(0, max_bytes);
}

}  // namespace

TokenStream::TokenStream(std::string_view text, size_t offset, const ParseLimits& limits)
    : text_(text), limits_(limits), current_(NextToken(text, offset)), previous_end_(offset) {}

std::string_view TokenStream::TextOf(const Token& token) const {
  return text_.substr(token.begin, token.end - token.begin);
}

Token TokenStream::Peek(size_t ahead) const {
  Token token = current_;
  while (ahead-- > 0) token = NextToken(text_, token.end);
  return token;
}

void TokenStream::Advance() {
  constexpr size_t kNanosecondsPerToken = 64;
  check_.After(kNanosecondsPerToken);
  JumpTo(current_.end);
}

void TokenStream::JumpTo(size_t offset) {
  previous_end_ = offset;
  current_ = NextToken(text_, offset);
  expected_.clear();
}

size_t TokenStream::MatchWords(std::string_view words) const {
  Token token = current_;
  if (token.kind != TokenKind::kWord || (text_[token.begin] | 0x20) != (words[0] | 0x20)) return 0;
  for (;;) {
    const size_t space = std::min(words.find(' '), words.size());
    if (token.kind != TokenKind::kWord || !EqualWords(TextOf(token), words.substr(0, space))) {
      return 0;
    }
    if (space == words.size()) return token.end;
    words.remove_prefix(space + 1);
    token = NextToken(text_, token.end);
  }
}

bool TokenStream::At(std::string_view words) const { return MatchWords(words) != 0; }

bool TokenStream::AtPartitionClause() const {
  if (!ends_at_partition_ || !At("IN PARTITION")) return false;
  const Token value = Peek(2);
  switch (value.kind) {
    case TokenKind::kNumber:
    case TokenKind::kString:
    case TokenKind::kQuotedIdentifier:
    case TokenKind::kOpenParen:
    case TokenKind::kOpenBrace:
    case TokenKind::kMinus:
      return true;
    default:
      return value.kind == TokenKind::kWord && !IsReserved(TextOf(value));
  }
}

bool TokenStream::Accept(std::string_view words) {
  const size_t end = MatchWords(words);
  if (end == 0) {
    MarkExpected(words);
    return false;
  }
  JumpTo(end);
  return true;
}

void TokenStream::Expect(std::string_view words) {
  if (!Accept(words)) Fail(words);
}

bool TokenStream::Accept(TokenKind kind) {
  if (!At(kind)) {
    MarkExpected(NameOf(kind));
    return false;
  }
  Advance();
  return true;
}

void TokenStream::Expect(TokenKind kind) {
  if (!Accept(kind)) Fail(NameOf(kind));
}

bool TokenStream::AtIdentifier() const {
  return At(TokenKind::kQuotedIdentifier) || (At(TokenKind::kWord) && !IsReserved(current_text()));
}

std::string TokenStream::ExpectIdentifier(std::string_view what) {
  if (!AtIdentifier()) Fail(what);
  std::string name = At(TokenKind::kWord) ? std::string(current_text()) : Unquote(current_text());
  if (name.empty()) Fail(what);
  Advance();
  return name;
}

bool TokenStream::AtString() const {
  return At(TokenKind::kString) || At(TokenKind::kHeredoc) || At(TokenKind::kHexString) ||
         At(TokenKind::kBinaryString);
}

std::string TokenStream::DecodeString(std::string_view what) {
  const std::string_view token = current_text();
  switch (current_.kind) {
    case TokenKind::kString:
      return Unquote(token);
    case TokenKind::kHeredoc:
      return DecodeHeredoc(token);
    case TokenKind::kHexString:
      return DecodeHexString(token);
    case TokenKind::kBinaryString:
      return DecodeBinaryString(token);
    default:
      Fail(what);
  }
}

std::string TokenStream::ExpectString(std::string_view what) {
  std::string value = DecodeString(what);
  Advance();
  return value;
}

std::string TokenStream::ExpectFileName() {
  constexpr std::string_view kWhat = "file name in quotes";
  std::string name = DecodeString(kWhat);
  if (name.empty()) Fail(kWhat);
  Advance();
  return name;
}

uint64_t TokenStream::ExpectUnsigned(std::string_view what) {
  const std::string_view digits = current_text();
  uint64_t value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = result.ec == std::errc() && result.ptr == digits.data() + digits.size();
  if (!At(TokenKind::kNumber) || !whole) Fail(what);
  Advance();
  return value;
}

void TokenStream::MarkExpected(std::string_view what) {
  if (std::ranges::find(expected_, what) == expected_.end()) expected_.push_back(what);
}

std::string TokenStream::Position() const {
  const std::string_view before = text_.substr(0, offset());
  const auto line = std::ranges::count(before, '\n') + 1;
  const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return "position " + std::to_string(offset() + 1) + " (line " + std::to_string(line) +
         ", column " + std::to_string(offset() - line_begin + 1) + ")";
}

void TokenStream::FailAtBadToken(std::string_view problem) {
  constexpr size_t kFragmentBytes = 60;
  throw Error(ErrorCode::kSyntaxError,
              "Syntax error at " + Position() + ": " + std::string(problem) + ": " +
                  std::string(Shorten(text_.substr(offset()), kFragmentBytes)));
}

void TokenStream::Fail(std::string_view expected) {
  if (const std::string_view problem = ProblemOf(current_.kind); !problem.empty()) {
    FailAtBadToken(problem);
  }
  MarkExpected(expected);
  constexpr size_t kFragmentBytes = 60;
  std::string message = "Syntax error at " + Position() + ": ";
  if (At(TokenKind::kEnd)) {
    message += "the query ends here";
  } else {
    message += "met '" + std::string(Shorten(current_text(), kFragmentBytes)) + "' in: ";
    message += Shorten(text_.substr(offset()), kFragmentBytes);
  }
  message += expected_.size() == 1 ? ". Expected " : ". Expected one of: ";
  for (size_t i = 0; i < expected_.size(); ++i) {
    if (i > 0) message += ", ";
    message += expected_[i];
  }
  throw Error(ErrorCode::kSyntaxError, std::move(message));
}

void TokenStream::CheckSize(size_t height, size_t nodes) const {
  if (height > limits_.max_depth) {
    throw Error(ErrorCode::kTooDeepRecursion,
                "The query is nested more than " + std::to_string(limits_.max_depth) +
                    " levels deep (max_parser_depth), at " + Position());
  }
  if (nodes > limits_.max_nodes) {
    throw Error(ErrorCode::kTooBigAst, "The query has more than " +
                                           std::to_string(limits_.max_nodes) + " parts, at " +
                                           Position());
  }
  // Long chains, as of additions, are read without recursion; walks over them, and their end,
  // recurse.
  CheckStack(height * kBytesPerLevel);
}

}  // namespace granary::sql
