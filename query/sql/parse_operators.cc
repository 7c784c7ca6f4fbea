#include <algorithm>
#include <utility>

#include "granary/query/sql/grammar.h"
#include "granary/query/sql/literals.h"

namespace granary::sql {
namespace {

enum class Form : uint8_t { kBinary, kChain, kPostfix, kIn, kBetween, kNotBetween };

struct Operator {
  TokenKind symbol;        // kWord: see words
  std::string_view words;  // keywords
  Precedence precedence;
  std::string_view function;
  Form form = Form::kBinary;
};

constexpr Operator kOperators[] = {
    {TokenKind::kEquals, "", kComparison, "equals"},
    {TokenKind::kNotEquals, "", kComparison, "notEquals"},
    {TokenKind::kLess, "", kComparison, "less"},
    {TokenKind::kLessOrEquals, "", kComparison, "lessOrEquals"},
    {TokenKind::kGreater, "", kComparison, "greater"},
    {TokenKind::kGreaterOrEquals, "", kComparison, "greaterOrEquals"},
    {TokenKind::kConcat, "", kConcatenation, "concat", Form::kChain},
    {TokenKind::kPlus, "", kAdditive, "plus"},
    {TokenKind::kMinus, "", kAdditive, "minus"},
    {TokenKind::kAsterisk, "", kMultiplicative, "multiply"},
    {TokenKind::kSlash, "", kMultiplicative, "divide"},
    {TokenKind::kPercent, "", kMultiplicative, "modulo"},
    {TokenKind::kWord, "OR", kOr, "or", Form::kChain},
    {TokenKind::kWord, "AND", kAnd, "and", Form::kChain},
    {TokenKind::kWord, "IS NULL", kIsNull, "isNull", Form::kPostfix},
    {TokenKind::kWord, "IS NOT NULL", kIsNull, "isNotNull", Form::kPostfix},
    {TokenKind::kWord, "BETWEEN", kBetween, "", Form::kBetween},
    {TokenKind::kWord, "NOT BETWEEN", kBetween, "", Form::kNotBetween},
    {TokenKind::kWord, "IN", kComparison, "in", Form::kIn},
    {TokenKind::kWord, "NOT IN", kComparison, "notIn", Form::kIn},
    {TokenKind::kWord, "GLOBAL IN", kComparison, "in", Form::kIn},
    {TokenKind::kWord, "GLOBAL NOT IN", kComparison, "notIn", Form::kIn},
    {TokenKind::kWord, "LIKE", kComparison, "like"},
    {TokenKind::kWord, "NOT LIKE", kComparison, "notLike"},
    {TokenKind::kWord, "ILIKE", kComparison, "ilike"},
    {TokenKind::kWord, "NOT ILIKE", kComparison, "notILike"},
    {TokenKind::kWord, "REGEXP", kComparison, "match"},
    {TokenKind::kWord, "DIV", kMultiplicative, "intDiv"},
    {TokenKind::kWord, "MOD", kMultiplicative, "modulo"},
};

const Operator* FindOperator(const TokenStream& tokens) {
  const bool at_word = tokens.At(TokenKind::kWord);
  if (at_word && tokens.AtPartitionClause()) return nullptr;
  const auto* found = std::ranges::find_if(kOperators, [&](const Operator& op) {
    return at_word ? op.symbol == TokenKind::kWord && tokens.At(op.words) : tokens.At(op.symbol);
  });
  return found == std::end(kOperators) ? nullptr : found;
}

void Consume(TokenStream& tokens, const Operator& op) {
  if (op.symbol == TokenKind::kWord) {
    tokens.Expect(op.words);
  } else {
    tokens.Advance();
  }
}

Precedence Tighter(Precedence precedence) { return static_cast<Precedence>(precedence + 1); }

// a AND b AND c is one call of three arguments.
ExprPtr ParseChain(TokenStream& tokens, const Operator& op, size_t offset, ExprPtr left) {
  std::vector<ExprPtr> operands = {std::move(left)};
  do {
    operands.push_back(ParseOperators(tokens, Tighter(op.precedence)));
  } while (op.symbol == TokenKind::kWord ? tokens.Accept(op.words) : tokens.Accept(op.symbol));
  return MakeCall(tokens, offset, op.function, std::move(operands));
}

ExprPtr ParseBetween(TokenStream& tokens, const Operator& op, size_t offset, const ExprPtr& value) {
  const ExprPtr low = ParseOperators(tokens, Tighter(kBetween));
  tokens.Expect("AND");
  const ExprPtr high = ParseOperators(tokens, Tighter(kBetween));
  const bool inside = op.form == Form::kBetween;
  return MakeCall(tokens, offset, inside ? "and" : "or",
                  {MakeCall(tokens, offset, inside ? "greaterOrEquals" : "less", {value, low}),
                   MakeCall(tokens, offset, inside ? "lessOrEquals" : "greater", {value, high})});
}

// A list in parentheses is a tuple here, even of one element.
ExprPtr ParseRightSideOfIn(TokenStream& tokens) {
  if (!tokens.At(TokenKind::kOpenParen) || AtSelect(tokens, 1)) {
    return ParseOperators(tokens, Tighter(kComparison));
  }
  const size_t offset = tokens.offset();
  tokens.Advance();
  std::vector<ExprPtr> elements;
  if (!tokens.At(TokenKind::kCloseParen)) elements = ParseExprList(tokens);
  tokens.Expect(TokenKind::kCloseParen);
  return MakeCall(tokens, offset, "tuple", std::move(elements));
}

ExprPtr ParseOperator(TokenStream& tokens, const Operator& op, ExprPtr left) {
  const size_t offset = tokens.offset();
  Consume(tokens, op);
  switch (op.form) {
    case Form::kChain:
      return ParseChain(tokens, op, offset, std::move(left));
    case Form::kPostfix:
      return MakeCall(tokens, offset, op.function, {std::move(left)});
    case Form::kBetween:
    case Form::kNotBetween:
      return ParseBetween(tokens, op, offset, left);
    case Form::kIn:
      return MakeCall(tokens, offset, op.function, {std::move(left), ParseRightSideOfIn(tokens)});
    case Form::kBinary:
      break;
  }
  ExprPtr right = ParseOperators(tokens, Tighter(op.precedence));
  return MakeCall(tokens, offset, op.function, {std::move(left), std::move(right)});
}

// operand[index], operand::Type, and any number of them
ExprPtr ParsePostfix(TokenStream& tokens) {
  ExprPtr operand = ParsePrimary(tokens);
  for (;;) {
    const size_t offset = tokens.offset();
    if (tokens.At(TokenKind::kOpenBracket)) {
      tokens.Advance();
      ExprPtr index = ParseExpr(tokens);
      tokens.Expect(TokenKind::kCloseBracket);
      operand = MakeCall(tokens, offset, "arrayElement", {std::move(operand), std::move(index)});
    } else if (tokens.At(TokenKind::kDoubleColon)) {
      tokens.Advance();
      operand =
          MakeCall(tokens, offset, "CAST", {std::move(operand), MakeString(ParseType(tokens))});
    } else {
      return operand;
    }
  }
}

ExprPtr ParseUnary(TokenStream& tokens) {
  const bool is_plus = tokens.At(TokenKind::kPlus);
  const bool is_sign = is_plus || tokens.At(TokenKind::kMinus);
  if (!is_sign || AtNumber(tokens, tokens.Peek(1))) return ParsePostfix(tokens);
  DepthGuard guard(tokens);
  const size_t offset = tokens.offset();
  tokens.Advance();
  if (is_plus) return ParseUnary(tokens);
  return MakeCall(tokens, offset, "negate", {ParseUnary(tokens)});
}

ExprPtr ParsePrefix(TokenStream& tokens) {
  if (!tokens.At("NOT")) return ParseUnary(tokens);
  const size_t offset = tokens.offset();
  tokens.Advance();
  return MakeCall(tokens, offset, "not", {ParseOperators(tokens, kNot)});
}

// The token after (a, b, ...) if the stream is at such a list of names.
std::optional<Token> TokenAfterNameList(const TokenStream& tokens) {
  const auto next = [&](const Token& token) { return NextToken(tokens.text(), token.end); };
  Token token = next(tokens.current());
  for (;;) {
    if (token.kind != TokenKind::kWord && token.kind != TokenKind::kQuotedIdentifier) break;
    token = next(token);
    if (token.kind == TokenKind::kCloseParen) return next(token);
    if (token.kind != TokenKind::kComma) break;
    token = next(token);
  }
  return std::nullopt;
}

bool AtLambda(const TokenStream& tokens) {
  if (tokens.AtIdentifier()) return tokens.Peek(1).kind == TokenKind::kArrow;
  if (!tokens.At(TokenKind::kOpenParen)) return false;
  const std::optional<Token> after = TokenAfterNameList(tokens);
  return after && after->kind == TokenKind::kArrow;
}

ExprPtr ParseLambda(TokenStream& tokens) {
  auto lambda = MakeCharged<Lambda>();
  lambda->offset = tokens.offset();
  if (tokens.At(TokenKind::kOpenParen)) {
    lambda->arguments = ParseNamesInParens(tokens, "argument of the lambda");
  } else {
    lambda->arguments = {tokens.ExpectIdentifier("argument of the lambda")};
  }
  tokens.Expect(TokenKind::kArrow);
  lambda->body = ParseExprWithoutAlias(tokens);
  TreeSize size;
  size.Add(lambda->body);
  SetSize(tokens, size, *lambda);
  return lambda;
}

}  // namespace

ExprPtr ParseOperators(TokenStream& tokens, Precedence loosest) {
  DepthGuard guard(tokens);
  ExprPtr left = ParsePrefix(tokens);
  for (;;) {
    const Operator* op = FindOperator(tokens);
    if (!op || op->precedence < loosest) return left;
    left = ParseOperator(tokens, *op, std::move(left));
  }
}

ExprPtr ParseExprWithoutAlias(TokenStream& tokens) {
  DepthGuard guard(tokens);
  if (AtLambda(tokens)) return ParseLambda(tokens);
  ExprPtr condition = ParseOperators(tokens, kLoosest);
  if (!tokens.At(TokenKind::kQuestion)) return condition;
  const size_t offset = tokens.offset();
  tokens.Advance();
  ExprPtr yes = ParseExprWithoutAlias(tokens);
  tokens.Expect(TokenKind::kColon);
  ExprPtr no = ParseExprWithoutAlias(tokens);
  return MakeCall(tokens, offset, "if", {std::move(condition), std::move(yes), std::move(no)});
}

ExprPtr ParseExpr(TokenStream& tokens) {
  ExprPtr expr = ParseExprWithoutAlias(tokens);
  if (tokens.Accept("AS")) SetAlias(tokens, expr);
  return expr;
}

std::vector<ExprPtr> ParseExprList(TokenStream& tokens) {
  std::vector<ExprPtr> list;
  do {
    list.push_back(ParseExpr(tokens));
  } while (tokens.Accept(TokenKind::kComma));
  return list;
}

void SetAlias(TokenStream& tokens, const ExprPtr& expr) {
  if (!expr->alias.empty()) tokens.Fail("no second alias");
  std::const_pointer_cast<Expr>(expr)->alias = tokens.ExpectIdentifier("alias");
}

void TreeSize::Add(const ExprPtr& child) {
  if (!child) return;
  height = std::max<uint64_t>(height, child->height + 1);
  nodes += child->node_count;
}

void TreeSize::Add(const std::vector<ExprPtr>& children) {
  for (const ExprPtr& child : children) Add(child);
}

void TreeSize::Add(const QueryPtr& child) {
  if (!child) return;
  height = std::max<uint64_t>(height, child->height + 1);
  nodes += child->node_count;
}

ExprPtr MakeCall(const TokenStream& tokens, size_t offset, std::string_view name,
                 std::vector<ExprPtr> arguments) {
  auto call = MakeCharged<Function>();
  call->offset = offset;
  call->name = name;
  call->arguments = std::move(arguments);
  TreeSize size;
  size.Add(call->arguments);
  SetSize(tokens, size, *call);
  return call;
}

}  // namespace granary::sql
