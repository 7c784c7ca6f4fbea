#include <cmath>
#include <limits>
#include <utility>

#include "granary/query/sql/grammar.h"
#include "granary/query/sql/keywords.h"
#include "granary/query/sql/literals.h"

namespace granary::sql {
namespace {

template <class T>
std::shared_ptr<T> At(size_t offset, std::shared_ptr<T> expr) {
  expr->offset = offset;
  return expr;
}

// inf and nan, unless they are names of functions or tables.
std::optional<double> NamedNumber(const TokenStream& tokens, const Token& token) {
  if (token.kind != TokenKind::kWord) return std::nullopt;
  const std::string_view word = tokens.TextOf(token);
  const bool infinite = EqualWords(word, "inf") || EqualWords(word, "infinity");
  if (!infinite && !EqualWords(word, "nan")) return std::nullopt;
  const TokenKind next = NextToken(tokens.text(), token.end).kind;
  if (next == TokenKind::kOpenParen || next == TokenKind::kDot) return std::nullopt;
  return infinite ? std::numeric_limits<double>::infinity()
                  : std::numeric_limits<double>::quiet_NaN();
}

ExprPtr ParseSubquery(TokenStream& tokens) {
  auto subquery = MakeCharged<Subquery>();
  subquery->offset = tokens.offset();
  tokens.Expect(TokenKind::kOpenParen);
  subquery->query = ParseQuery(tokens);
  tokens.Expect(TokenKind::kCloseParen);
  TreeSize size;
  size.Add(subquery->query);
  SetSize(tokens, size, *subquery);
  return subquery;
}

// (a) is a; (a,), (a, b) and () are tuples.
ExprPtr ParseParens(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  tokens.Expect(TokenKind::kOpenParen);
  std::vector<ExprPtr> elements;
  bool comma = false;
  while (!tokens.Accept(TokenKind::kCloseParen)) {
    elements.push_back(ParseExpr(tokens));
    if (tokens.Accept(TokenKind::kComma)) {
      comma = true;
    } else {
      tokens.Expect(TokenKind::kCloseParen);
      break;
    }
  }
  if (elements.size() == 1 && !comma) return elements.front();
  return MakeCall(tokens, offset, "tuple", std::move(elements));
}

ExprPtr ParseArray(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  if (std::optional<NumberArray> array = ReadNumberArray(tokens.text(), offset)) {
    tokens.JumpTo(array->end);
    return At(offset, std::move(array->literal));
  }
  tokens.Expect(TokenKind::kOpenBracket);
  std::vector<ExprPtr> elements;
  if (!tokens.At(TokenKind::kCloseBracket)) elements = ParseExprList(tokens);
  tokens.Expect(TokenKind::kCloseBracket);
  if (auto literal = MakeArray(elements)) return At(offset, std::move(literal));
  return MakeCall(tokens, offset, "array", std::move(elements));
}

ExprPtr ParseParameter(TokenStream& tokens) {
  auto parameter = MakeCharged<QueryParameter>();
  parameter->offset = tokens.offset();
  tokens.Expect(TokenKind::kOpenBrace);
  parameter->name = tokens.ExpectIdentifier("name of the query parameter");
  tokens.Expect(TokenKind::kColon);
  parameter->type = ParseType(tokens);
  tokens.Expect(TokenKind::kCloseBrace);
  const PlaceholderValues* const values = tokens.limits().placeholders;
  if (values == nullptr) return parameter;
  const auto value = values->find(parameter->name);
  if (value == values->end()) return parameter;
  return MakeCall(tokens, parameter->offset, "CAST", {value->second, MakeString(parameter->type)});
}

// At the '*'.
ExprPtr ParseAsterisk(TokenStream& tokens, size_t offset, std::vector<std::string> qualifier) {
  auto asterisk = MakeCharged<Asterisk>();
  asterisk->offset = offset;
  asterisk->qualifier = std::move(qualifier);
  tokens.Expect(TokenKind::kAsterisk);
  if (tokens.Accept("EXCEPT")) {
    if (tokens.At(TokenKind::kOpenParen)) {
      asterisk->except = ParseNamesInParens(tokens, "column name");
    } else {
      asterisk->except = {tokens.ExpectIdentifier("column name")};
    }
  }
  return asterisk;
}

ExprPtr ParseIdentifier(TokenStream& tokens) {
  auto identifier = MakeCharged<Identifier>();
  identifier->offset = tokens.offset();
  identifier->parts.push_back(tokens.ExpectIdentifier("expression"));
  while (tokens.At(TokenKind::kDot)) {
    tokens.Advance();
    if (tokens.At(TokenKind::kAsterisk)) {
      return ParseAsterisk(tokens, identifier->offset, std::move(identifier->parts));
    }
    identifier->parts.push_back(tokens.ExpectIdentifier("name after the dot"));
  }
  return identifier;
}

// EXISTS (SELECT ...), a call with a subquery.
ExprPtr ParseExists(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  tokens.Expect("EXISTS");
  return MakeCall(tokens, offset, "exists", {ParseSubquery(tokens)});
}

ExprPtr ParseWord(TokenStream& tokens) {
  const bool is_exists =
      tokens.At("EXISTS") && tokens.Peek(1).kind == TokenKind::kOpenParen && AtSelect(tokens, 2);
  if (is_exists) return ParseExists(tokens);
  if (ExprPtr special = ParseSpecialForm(tokens)) return special;
  if (tokens.AtIdentifier() && tokens.Peek(1).kind == TokenKind::kOpenParen) {
    return ParseCall(tokens);
  }
  return ParseIdentifier(tokens);
}

// ([DISTINCT] a, b)
std::vector<ExprPtr> ParseArguments(TokenStream& tokens, bool* distinct) {
  tokens.Expect(TokenKind::kOpenParen);
  *distinct = tokens.At("DISTINCT");
  if (*distinct) tokens.Advance();
  std::vector<ExprPtr> arguments;
  if (!tokens.At(TokenKind::kCloseParen)) arguments = ParseExprList(tokens);
  tokens.Expect(TokenKind::kCloseParen);
  return arguments;
}

bool NeedsSpaceBetween(TokenKind left, TokenKind right) {
  const auto is_value = [](TokenKind kind) {
    return kind == TokenKind::kWord || kind == TokenKind::kNumber || kind == TokenKind::kString;
  };
  return left == TokenKind::kComma || left == TokenKind::kEquals || right == TokenKind::kEquals ||
         (is_value(left) && is_value(right));
}

bool MayStandInTypeArguments(TokenKind kind) {
  switch (kind) {
    case TokenKind::kWord:
    case TokenKind::kNumber:
    case TokenKind::kString:
    case TokenKind::kOpenParen:
    case TokenKind::kCloseParen:
    case TokenKind::kComma:
    case TokenKind::kEquals:
    case TokenKind::kMinus:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool AtNumber(const TokenStream& tokens, const Token& token) {
  return token.kind == TokenKind::kNumber || NamedNumber(tokens, token).has_value();
}

ExprPtr ParseNumber(TokenStream& tokens, bool negative) {
  const size_t offset = tokens.offset();
  std::shared_ptr<Literal> literal;
  if (const std::optional<double> named = NamedNumber(tokens, tokens.current())) {
    literal = MakeFloat(negative ? -*named : *named);
  } else {
    literal = MakeNumber(tokens.current_text(), negative);
  }
  if (!literal) tokens.Fail("a number in the range of Float64");
  tokens.Advance();
  return At(offset, std::move(literal));
}

ExprPtr ParsePrimary(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  if (AtNumber(tokens, tokens.current())) return ParseNumber(tokens, false);
  if (tokens.AtString()) return At(offset, MakeString(tokens.ExpectString("string")));
  switch (tokens.current().kind) {
    case TokenKind::kMinus:
    case TokenKind::kPlus: {
      const bool negative = tokens.At(TokenKind::kMinus);
      if (!AtNumber(tokens, tokens.Peek(1))) break;
      tokens.Advance();
      return ParseNumber(tokens, negative);
    }
    case TokenKind::kWord:
    case TokenKind::kQuotedIdentifier:
      return ParseWord(tokens);
    case TokenKind::kOpenParen:
      return AtSelect(tokens, 1) ? ParseSubquery(tokens) : ParseParens(tokens);
    case TokenKind::kOpenBracket:
      return ParseArray(tokens);
    case TokenKind::kOpenBrace:
      return ParseParameter(tokens);
    case TokenKind::kAsterisk:
      return ParseAsterisk(tokens, offset, {});
    default:
      break;
  }
  tokens.Fail("expression");
}

std::shared_ptr<Function> ParseCall(TokenStream& tokens) {
  auto call = MakeCharged<Function>();
  call->offset = tokens.offset();
  call->name = tokens.ExpectIdentifier("name of a function");
  call->arguments = ParseArguments(tokens, &call->distinct);
  if (tokens.At(TokenKind::kOpenParen)) {
    if (call->distinct) tokens.Fail("DISTINCT in the second list, after the parameters");
    call->parameters = std::move(call->arguments);
    call->arguments = ParseArguments(tokens, &call->distinct);
  }
  TreeSize size;
  size.Add(call->parameters);
  size.Add(call->arguments);
  SetSize(tokens, size, *call);
  return call;
}

std::shared_ptr<const Literal> ParseLiteral(TokenStream& tokens, std::string_view what) {
  DepthGuard guard(tokens);
  const bool may_begin_literal =
      tokens.At(TokenKind::kWord) || tokens.AtString() || tokens.At(TokenKind::kOpenBracket) ||
      tokens.At(TokenKind::kMinus) || tokens.At(TokenKind::kPlus) || tokens.At(TokenKind::kNumber);
  if (!may_begin_literal) tokens.Fail(what);
  const size_t begin = tokens.offset();
  ExprPtr expr = ParsePrimary(tokens);
  auto literal = std::dynamic_pointer_cast<const Literal>(expr);
  if (!literal || literal->is_null()) {
    TokenStream(tokens.text(), begin, tokens.limits()).Fail(what);
  }
  return literal;
}

std::string ParseType(TokenStream& tokens) {
  if (!tokens.AtIdentifier() || !tokens.At(TokenKind::kWord)) tokens.Fail("type");
  std::string type(tokens.current_text());
  tokens.Advance();
  size_t open = 0;
  TokenKind previous = TokenKind::kOpenParen;
  while (open > 0 || tokens.At(TokenKind::kOpenParen)) {
    const TokenKind kind = tokens.current().kind;
    if (!MayStandInTypeArguments(kind)) tokens.Fail("argument of the type, or ')'");
    if (open > 0 && NeedsSpaceBetween(previous, kind)) type += ' ';
    type += tokens.current_text();
    open += kind == TokenKind::kOpenParen;
    open -= kind == TokenKind::kCloseParen;
    previous = kind;
    tokens.Advance();
    if (open == 0) break;
  }
  return type;
}

}  // namespace granary::sql
