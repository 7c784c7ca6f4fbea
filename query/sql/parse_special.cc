#include <algorithm>
#include <utility>

#include "granary/query/sql/grammar.h"
#include "granary/query/sql/keywords.h"
#include "granary/query/sql/literals.h"

namespace granary::sql {
namespace {

// A unit of time: how INTERVAL and EXTRACT spell it as a function.
struct Unit {
  std::string_view word;
  std::string_view interval;
  std::string_view extract;
};

constexpr Unit kUnits[] = {
    {"SECOND", "toIntervalSecond", "toSecond"},    {"MINUTE", "toIntervalMinute", "toMinute"},
    {"HOUR", "toIntervalHour", "toHour"},          {"DAY", "toIntervalDay", "toDayOfMonth"},
    {"WEEK", "toIntervalWeek", "toISOWeek"},       {"MONTH", "toIntervalMonth", "toMonth"},
    {"QUARTER", "toIntervalQuarter", "toQuarter"}, {"YEAR", "toIntervalYear", "toYear"},
};

// Singular or plural.
const Unit* FindUnit(std::string_view word) {
  const auto* unit = std::ranges::find_if(kUnits, [&](const Unit& candidate) {
    const std::string_view singular = word.substr(0, candidate.word.size());
    const std::string_view ending = word.substr(singular.size());
    return EqualWords(singular, candidate.word) && (ending.empty() || EqualWords(ending, "S"));
  });
  return unit == std::end(kUnits) ? nullptr : unit;
}

const Unit* UnitAt(const TokenStream& tokens, const Token& token) {
  return token.kind == TokenKind::kWord ? FindUnit(tokens.TextOf(token)) : nullptr;
}

const Unit& ExpectUnit(TokenStream& tokens) {
  const Unit* unit = UnitAt(tokens, tokens.current());
  if (!unit) tokens.Fail("unit of time");
  tokens.Advance();
  return *unit;
}

// CASE [value] WHEN a THEN b ... [ELSE c] END
ExprPtr ParseCase(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  tokens.Expect("CASE");
  ExprPtr value;
  if (!tokens.At("WHEN")) value = ParseExprWithoutAlias(tokens);
  std::vector<ExprPtr> arguments;
  tokens.Expect("WHEN");
  do {
    const size_t condition_offset = tokens.offset();
    ExprPtr condition = ParseExprWithoutAlias(tokens);
    if (value) condition = MakeCall(tokens, condition_offset, "equals", {value, condition});
    arguments.push_back(std::move(condition));
    tokens.Expect("THEN");
    arguments.push_back(ParseExprWithoutAlias(tokens));
  } while (tokens.Accept("WHEN"));
  arguments.push_back(tokens.Accept("ELSE") ? ParseExprWithoutAlias(tokens) : MakeNull());
  tokens.Expect("END");
  return MakeCall(tokens, offset, "multiIf", std::move(arguments));
}

// CAST(value AS Type), CAST(value, 'Type')
ExprPtr ParseCast(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  tokens.Advance();
  tokens.Expect(TokenKind::kOpenParen);
  ExprPtr value = ParseExprWithoutAlias(tokens);
  ExprPtr type;
  if (tokens.Accept("AS")) {
    type = MakeString(ParseType(tokens));
  } else {
    tokens.Expect(TokenKind::kComma);
    type = ParseExpr(tokens);
  }
  tokens.Expect(TokenKind::kCloseParen);
  return MakeCall(tokens, offset, "CAST", {std::move(value), std::move(type)});
}

// EXTRACT(YEAR FROM date)
ExprPtr ParseExtract(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  tokens.Advance();
  tokens.Expect(TokenKind::kOpenParen);
  const Unit& unit = ExpectUnit(tokens);
  tokens.Expect("FROM");
  ExprPtr date = ParseExpr(tokens);
  tokens.Expect(TokenKind::kCloseParen);
  return MakeCall(tokens, offset, unit.extract, {std::move(date)});
}

// '3 day', the text of an INTERVAL
ExprPtr ParseIntervalText(const TokenStream& outer, size_t offset, const std::string& text) {
  TokenStream tokens(text, 0, outer.limits());
  const bool negative = tokens.Accept(TokenKind::kMinus);
  if (!AtNumber(tokens, tokens.current())) tokens.Fail("number of the interval");
  ExprPtr number = ParseNumber(tokens, negative);
  const Unit& unit = ExpectUnit(tokens);
  if (!tokens.At(TokenKind::kEnd)) tokens.Fail("end of the interval");
  return MakeCall(outer, offset, unit.interval, {std::move(number)});
}

// INTERVAL 3 DAY, INTERVAL '3 day'
ExprPtr ParseInterval(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  tokens.Advance();
  if (tokens.AtString() && !UnitAt(tokens, tokens.Peek(1))) {
    return ParseIntervalText(tokens, offset, tokens.ExpectString("interval"));
  }
  ExprPtr number = ParseOperators(tokens, kAdditive);
  return MakeCall(tokens, offset, ExpectUnit(tokens).interval, {std::move(number)});
}

// DATE '2024-05-01', TIMESTAMP '2024-05-01 10:00:00'
ExprPtr ParseDateLiteral(TokenStream& tokens, std::string_view function) {
  const size_t offset = tokens.offset();
  tokens.Advance();
  return MakeCall(tokens, offset, function, {MakeString(tokens.ExpectString("date"))});
}

// SUBSTRING(text FROM begin [FOR length]); with commas an ordinary call
ExprPtr ParseSubstring(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  tokens.Advance();
  tokens.Expect(TokenKind::kOpenParen);
  std::vector<ExprPtr> arguments = {ParseExpr(tokens)};
  if (tokens.Accept("FROM")) {
    arguments.push_back(ParseExprWithoutAlias(tokens));
    if (tokens.Accept("FOR")) arguments.push_back(ParseExprWithoutAlias(tokens));
  } else {
    while (tokens.Accept(TokenKind::kComma)) arguments.push_back(ParseExpr(tokens));
  }
  tokens.Expect(TokenKind::kCloseParen);
  return MakeCall(tokens, offset, "substring", std::move(arguments));
}

// TRIM(LEADING ' ' FROM text)
ExprPtr ParseTrim(TokenStream& tokens) {
  const size_t offset = tokens.offset();
  tokens.Advance();
  tokens.Expect(TokenKind::kOpenParen);
  const std::string_view function = tokens.At("LEADING")    ? "trimLeft"
                                    : tokens.At("TRAILING") ? "trimRight"
                                                            : "trimBoth";
  tokens.Advance();
  ExprPtr characters = ParseExprWithoutAlias(tokens);
  tokens.Expect("FROM");
  ExprPtr text = ParseExprWithoutAlias(tokens);
  tokens.Expect(TokenKind::kCloseParen);
  return MakeCall(tokens, offset, function, {std::move(text), std::move(characters)});
}

ExprPtr ParseConstant(TokenStream& tokens, std::shared_ptr<Literal> literal) {
  literal->offset = tokens.offset();
  tokens.Advance();
  return literal;
}

bool IsIntervalNumber(const TokenStream& tokens, const Token& token) {
  switch (token.kind) {
    case TokenKind::kNumber:
    case TokenKind::kString:
    case TokenKind::kOpenParen:
    case TokenKind::kOpenBrace:
      return true;
    default:
      return UnitAt(tokens, tokens.Peek(2)) != nullptr;
  }
}

ExprPtr ParseCallForm(TokenStream& tokens) {
  const Token argument = tokens.Peek(2);
  if (tokens.At("CAST")) return ParseCast(tokens);
  if (tokens.At("SUBSTRING")) return ParseSubstring(tokens);
  if (tokens.At("EXTRACT") && UnitAt(tokens, argument) &&
      EqualWords(tokens.TextOf(tokens.Peek(3)), "FROM")) {
    return ParseExtract(tokens);
  }
  const std::string_view word = tokens.TextOf(argument);
  const bool trim =
      EqualWords(word, "BOTH") || EqualWords(word, "LEADING") || EqualWords(word, "TRAILING");
  if (trim && tokens.At("TRIM")) return ParseTrim(tokens);
  return nullptr;
}

}  // namespace

ExprPtr ParseSpecialForm(TokenStream& tokens) {
  if (!tokens.At(TokenKind::kWord)) return nullptr;
  const Token next = tokens.Peek(1);
  if (next.kind == TokenKind::kDot) return nullptr;
  if (tokens.At("CASE")) return ParseCase(tokens);
  if (tokens.At("INTERVAL") && IsIntervalNumber(tokens, next)) return ParseInterval(tokens);
  if (next.kind == TokenKind::kOpenParen) return ParseCallForm(tokens);
  if (tokens.At("NULL")) return ParseConstant(tokens, MakeNull());
  if (tokens.At("TRUE")) return ParseConstant(tokens, MakeBool(true));
  if (tokens.At("FALSE")) return ParseConstant(tokens, MakeBool(false));
  if (next.kind != TokenKind::kString) return nullptr;
  if (tokens.At("DATE")) return ParseDateLiteral(tokens, "toDate");
  if (tokens.At("TIMESTAMP")) return ParseDateLiteral(tokens, "toDateTime");
  return nullptr;
}

}  // namespace granary::sql
