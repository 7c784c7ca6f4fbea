#include "granary/query/sql/lexer.h"

namespace granary::sql {
namespace {

// `opening` is the whole $tag$ token.
Token FinishHeredoc(std::string_view text, size_t begin, std::string_view opening) {
  const size_t closing = text.find(opening, begin + opening.size());
  if (closing == std::string_view::npos) {
    return {TokenKind::kUnterminatedString, begin, text.size()};
  }
  return {TokenKind::kHeredoc, begin, closing + opening.size()};
}

}  // namespace

Token NextToken(std::string_view text, size_t offset) {
  const char* const begin = text.data();
  const char* const limit = begin + text.size();
  const char* cursor = begin + offset;
  const char* marker = cursor;
  for (;;) {
    const char* const start = cursor;
    const auto token = [&](TokenKind kind) {
      return Token{kind, static_cast<size_t>(start - begin), static_cast<size_t>(cursor - begin)};
    };
    const auto rest = [&](TokenKind kind) {
      return Token{kind, static_cast<size_t>(start - begin), text.size()};
    };
    /*!re2c
      re2c:api = custom;
      re2c:api:style = free-form;
      re2c:define:YYCTYPE = "unsigned char";
      re2c:define:YYPEEK = "static_cast<unsigned char>(cursor < limit ? *cursor : 0)";
      re2c:define:YYSKIP = "++cursor;";
      re2c:define:YYBACKUP = "marker = cursor;";
      re2c:define:YYRESTORE = "cursor = marker;";
      re2c:define:YYLESSTHAN = "cursor >= limit";
      re2c:yyfill:enable = 0;
      re2c:eof = 0;

      letter = [a-zA-Z_];
      word = letter [a-zA-Z0-9_$]*;
      tag = letter [a-zA-Z0-9_]*;
      digits = [0-9] ("_"? [0-9])*;
      exponent = [eE] [+-]? [0-9]+;
      hex = "0" [xX] [0-9a-fA-F] ("_"? [0-9a-fA-F])*;
      binary = "0" [bB] [01] ("_"? [01])*;
      number = (digits ("." digits?)? | "." digits) exponent? | hex | binary;
      escaped = "\\" [^];

      [ \t\r\n\v\f]+              { continue; }
      ("--" | "#!" | "# ") [^\n]* { continue; }
      "/*" ([^*] | "*"+ [^*/])* "*"+ "/" { continue; }
      "/*"                        { return rest(TokenKind::kUnterminatedComment); }
      $                           { return {TokenKind::kEnd, text.size(), text.size()}; }

      [xX] ['] [0-9a-fA-F]* [']   { return token(TokenKind::kHexString); }
      [bB] ['] [01]* [']          { return token(TokenKind::kBinaryString); }
      word                        { return token(TokenKind::kWord); }
      number                      { return token(TokenKind::kNumber); }
      number letter [a-zA-Z0-9_]* { return token(TokenKind::kBadNumber); }

      ['] ([^'\\] | escaped | "''")* [']   { return token(TokenKind::kString); }
      ["] ([^"\\] | escaped | '""')* ["]   { return token(TokenKind::kQuotedIdentifier); }
      "`" ([^`\\] | escaped | "``")* "`"   { return token(TokenKind::kQuotedIdentifier); }
      ['"`]                       { return rest(TokenKind::kUnterminatedString); }
      "$" tag? "$" {
        const Token opening = token(TokenKind::kHeredoc);
        return FinishHeredoc(text, opening.begin,
                             text.substr(opening.begin, opening.end - opening.begin));
      }

      "("  { return token(TokenKind::kOpenParen); }
      ")"  { return token(TokenKind::kCloseParen); }
      "["  { return token(TokenKind::kOpenBracket); }
      "]"  { return token(TokenKind::kCloseBracket); }
      "{"  { return token(TokenKind::kOpenBrace); }
      "}"  { return token(TokenKind::kCloseBrace); }
      ","  { return token(TokenKind::kComma); }
      ";"  { return token(TokenKind::kSemicolon); }
      "."  { return token(TokenKind::kDot); }
      ":"  { return token(TokenKind::kColon); }
      "::" { return token(TokenKind::kDoubleColon); }
      "?"  { return token(TokenKind::kQuestion); }
      "->" { return token(TokenKind::kArrow); }
      "+"  { return token(TokenKind::kPlus); }
      "-"  { return token(TokenKind::kMinus); }
      "*"  { return token(TokenKind::kAsterisk); }
      "/"  { return token(TokenKind::kSlash); }
      "%"  { return token(TokenKind::kPercent); }
      "||" { return token(TokenKind::kConcat); }
      "=" | "=="  { return token(TokenKind::kEquals); }
      "!=" | "<>" { return token(TokenKind::kNotEquals); }
      "<"  { return token(TokenKind::kLess); }
      "<=" { return token(TokenKind::kLessOrEquals); }
      ">"  { return token(TokenKind::kGreater); }
      ">=" { return token(TokenKind::kGreaterOrEquals); }
      *    { return token(TokenKind::kUnknownCharacter); }
    */
  }
}

}  // namespace granary::sql
