// What the productions of the grammar work on: the tokens of a text, one at a time with any
// lookahead, the limits, and the error that says what was expected.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "granary/query/sql/lexer.h"
#include "granary/query/sql/parser.h"
#include "granary/table/task_context.h"

namespace granary::sql {

class TokenStream {
 public:
  TokenStream(std::string_view text, size_t offset, const ParseLimits& limits);

  std::string_view text() const { return text_; }
  const ParseLimits& limits() const { return limits_; }

  const Token& current() const { return current_; }
  // Where the current token begins.
  size_t offset() const { return current_.begin; }
  // Where the token before the current one ended.
  size_t previous_end() const { return previous_end_; }
  std::string_view current_text() const { return TextOf(current_); }
  std::string_view TextOf(const Token& token) const;
  // The token `ahead` places after the current one (0: the current one).
  Token Peek(size_t ahead) const;
  void Advance();
  // Continues at byte `offset`, which is not in front of the current token.
  void JumpTo(size_t offset);

  // Keywords, case-insensitive, separated by single spaces: At("ORDER BY"). Accept consumes them if
  // they are there, Expect fails if they are not.
  bool At(std::string_view words) const;
  bool Accept(std::string_view words);
  void Expect(std::string_view words);

  bool At(TokenKind kind) const { return current_.kind == kind; }
  bool Accept(TokenKind kind);
  void Expect(TokenKind kind);

  // While it is set, IN PARTITION and a value behind it are a clause that ends an expression.
  void set_ends_at_partition(bool ends) { ends_at_partition_ = ends; }
  bool AtPartitionClause() const;

  // A name: a word that is not reserved, or anything in quotes. `what` tells what it names.
  bool AtIdentifier() const;
  std::string ExpectIdentifier(std::string_view what);
  // The value of a quoted string, heredoc, x'' or b''.
  bool AtString() const;
  std::string ExpectString(std::string_view what);
  // A string that is not empty.
  std::string ExpectFileName();
  // A plain decimal number.
  uint64_t ExpectUnsigned(std::string_view what);

  // Throws SYNTAX_ERROR at the current token, which names what is there, what was expected (also by
  // the calls of Accept that failed at this token) and where.
  [[noreturn]] void Fail(std::string_view expected);

  // Throws TOO_DEEP_RECURSION or TOO_BIG_AST if a tree of this size is beyond the limits.
  void CheckSize(size_t height, size_t nodes) const;

 private:
  friend class DepthGuard;

  size_t MatchWords(std::string_view words) const;
  std::string DecodeString(std::string_view what);
  void MarkExpected(std::string_view what);
  std::string Position() const;
  [[noreturn]] void FailAtBadToken(std::string_view problem);

  std::string_view text_;
  ParseLimits limits_;
  Token current_;
  size_t previous_end_;
  size_t depth_ = 0;
  bool ends_at_partition_ = false;
  CancelCheck check_;
  // What would have been accepted in place of the current token. Views of constants.
  std::vector<std::string_view> expected_;
};

// One level of nesting while it lives. Throws TOO_DEEP_RECURSION beyond max_depth.
class DepthGuard {
 public:
  explicit DepthGuard(TokenStream& tokens) : depth_(tokens.depth_) {
    tokens.CheckSize(depth_ + 1, 0);
    ++depth_;
  }
  ~DepthGuard() { --depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  size_t& depth_;
};

}  // namespace granary::sql
