#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "granary/query/sql/lexer.h"

namespace granary::sql {
namespace {

using Kind = TokenKind;
using Tokens = std::vector<std::pair<Kind, std::string>>;

Tokens Tokenize(std::string_view text) {
  Tokens tokens;
  for (Token token = NextToken(text, 0); token.kind != Kind::kEnd;
       token = NextToken(text, token.end)) {
    tokens.emplace_back(token.kind, text.substr(token.begin, token.end - token.begin));
  }
  return tokens;
}

TEST(SqlLexer, WordsAndQuotedNames) {
  EXPECT_EQ(Tokenize("a _b2 `c d` \"e\"\"f\" `g\\`h`"),
            (Tokens{{Kind::kWord, "a"},
                    {Kind::kWord, "_b2"},
                    {Kind::kQuotedIdentifier, "`c d`"},
                    {Kind::kQuotedIdentifier, "\"e\"\"f\""},
                    {Kind::kQuotedIdentifier, "`g\\`h`"}}));
}

TEST(SqlLexer, Numbers) {
  for (const char* number : {"1", "1_000", "1.5", "1.", ".5", "1e5", "1.5E-3", "0xFF", "0b1010"}) {
    EXPECT_EQ(Tokenize(number), (Tokens{{Kind::kNumber, number}}));
  }
  for (const char* bad : {"12abc", "1_", "0x", "0b2", "1e", "1.5x"}) {
    EXPECT_EQ(Tokenize(bad), (Tokens{{Kind::kBadNumber, bad}}));
  }
}

TEST(SqlLexer, Strings) {
  EXPECT_EQ(Tokenize("'it''s' '\\'' x'0aFF' b'01' $$a'b$$ $t$ $$ $t$"),
            (Tokens{{Kind::kString, "'it''s'"},
                    {Kind::kString, "'\\''"},
                    {Kind::kHexString, "x'0aFF'"},
                    {Kind::kBinaryString, "b'01'"},
                    {Kind::kHeredoc, "$$a'b$$"},
                    {Kind::kHeredoc, "$t$ $$ $t$"}}));
  EXPECT_EQ(Tokenize(std::string_view("'a\0b'", 5)),
            (Tokens{{Kind::kString, std::string("'a\0b'", 5)}}));
}

TEST(SqlLexer, Operators) {
  EXPECT_EQ(Tokenize("->-::: ||<=<><!==="), (Tokens{{Kind::kArrow, "->"},
                                                    {Kind::kMinus, "-"},
                                                    {Kind::kDoubleColon, "::"},
                                                    {Kind::kColon, ":"},
                                                    {Kind::kConcat, "||"},
                                                    {Kind::kLessOrEquals, "<="},
                                                    {Kind::kNotEquals, "<>"},
                                                    {Kind::kLess, "<"},
                                                    {Kind::kNotEquals, "!="},
                                                    {Kind::kEquals, "=="}}));
}

TEST(SqlLexer, CommentsAreSpace) {
  EXPECT_EQ(Tokenize("#! run me\n1 -- 2\n3 /* 4 ** / 5 **/ 6 # 7"),
            (Tokens{{Kind::kNumber, "1"}, {Kind::kNumber, "3"}, {Kind::kNumber, "6"}}));
}

TEST(SqlLexer, WhatNoRuleFits) {
  EXPECT_EQ(Tokenize("'abc"), (Tokens{{Kind::kUnterminatedString, "'abc"}}));
  EXPECT_EQ(Tokenize("`abc"), (Tokens{{Kind::kUnterminatedString, "`abc"}}));
  EXPECT_EQ(Tokenize("$a$ b"), (Tokens{{Kind::kUnterminatedString, "$a$ b"}}));
  EXPECT_EQ(Tokenize("/* abc"), (Tokens{{Kind::kUnterminatedComment, "/* abc"}}));
  EXPECT_EQ(Tokenize("!"), (Tokens{{Kind::kUnknownCharacter, "!"}}));
  EXPECT_EQ(Tokenize(std::string_view("\0", 1)),
            (Tokens{{Kind::kUnknownCharacter, std::string("\0", 1)}}));
}

// The text is a view: what stands behind it must not matter.
TEST(SqlLexer, StopsAtTheEndOfTheView) {
  const std::string_view longer = "1234'abc'";
  EXPECT_EQ(Tokenize(longer.substr(0, 2)), (Tokens{{Kind::kNumber, "12"}}));
  EXPECT_EQ(Tokenize(longer.substr(4, 3)), (Tokens{{Kind::kUnterminatedString, "'ab"}}));
}

}  // namespace
}  // namespace granary::sql
