#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/format_parts.h"
#include "granary/query/sql/keywords.h"
#include "granary/table/stack_guard.h"

namespace granary::sql {
namespace {

enum class Style : uint8_t {
  kInfix,  // operators between their operands, with aliases
  kCalls,  // operators as calls, without aliases
};

struct Infix {
  std::string_view function;
  std::string_view symbol;
};

constexpr Infix kBinary[] = {
    {"plus", "+"},           {"minus", "-"},     {"multiply", "*"},         {"divide", "/"},
    {"modulo", "%"},         {"equals", "="},    {"notEquals", "!="},       {"less", "<"},
    {"lessOrEquals", "<="},  {"greater", ">"},   {"greaterOrEquals", ">="}, {"like", "LIKE"},
    {"notLike", "NOT LIKE"}, {"ilike", "ILIKE"}, {"notILike", "NOT ILIKE"},
};
constexpr Infix kChains[] = {{"and", "AND"}, {"or", "OR"}, {"concat", "||"}};
constexpr Infix kIn[] = {{"in", "IN"}, {"notIn", "NOT IN"}};
constexpr Infix kPostfix[] = {{"isNull", "IS NULL"}, {"isNotNull", "IS NOT NULL"}};

// "" if the table does not have the function.
template <size_t N>
std::string SymbolOf(const Infix (&table)[N], std::string_view function) {
  const auto* found = std::ranges::find(table, function, &Infix::function);
  return found == std::end(table) ? std::string() : std::string(found->symbol);
}

// SQL of an expression; loose text needs parentheses as the operand of an operator.
struct Text {
  std::string sql;
  bool loose = false;
};

std::string InParens(const std::string& sql) { return "(" + sql + ")"; }

const Function* AsTuple(const Expr& expr) {
  const Function* call = As<Function>(expr);
  const bool is_tuple = call && call->name == "tuple" && call->parameters.empty() &&
                        !call->distinct && call->alias.empty();
  return is_tuple ? call : nullptr;
}

std::string FormatPath(const std::vector<std::string>& parts) {
  std::string path;
  for (const std::string& part : parts) {
    if (!path.empty()) path += '.';
    path += QuoteIdentifier(part);
  }
  return path;
}

std::string FormatAsterisk(const Asterisk& asterisk) {
  std::string text = asterisk.qualifier.empty() ? "*" : FormatPath(asterisk.qualifier) + ".*";
  if (!asterisk.except.empty()) text += " EXCEPT " + FormatNames(asterisk.except);
  return text;
}

// Calls of these names have a syntax of their own, so that another call needs the name in quotes.
std::string FormatFunctionName(const Function& call) {
  const size_t count = call.arguments.size();
  const bool plain = call.parameters.empty() && !call.distinct;
  if (plain && ((call.name == "CAST" && count == 2) || (call.name == "substring" && count > 0) ||
                (call.name == "not" && count == 1))) {
    return call.name;
  }
  constexpr std::string_view kSpecial[] = {"CAST", "SUBSTRING", "NOT", "CASE", "INTERVAL"};
  const bool special = std::ranges::any_of(
      kSpecial, [&](std::string_view word) { return EqualWords(word, call.name); });
  if (!special && IsWord(call.name) && !IsReserved(call.name)) return call.name;
  return QuoteAlways(call.name);
}

class ExprFormatter {
 public:
  explicit ExprFormatter(Style style, const ResolvedName* resolved_name = nullptr)
      : style_(style), resolved_name_(resolved_name) {}

  Text Format(const Expr& expr) const {
    CheckStack();
    if (resolved_name_ != nullptr && !expr.alias.empty()) return {expr.alias};
    Text text = FormatWithoutAlias(expr);
    if (style_ == Style::kInfix && !expr.alias.empty()) {
      const bool lambda = expr.kind == ExprKind::kLambda;  // the alias would be its body's
      if (lambda) text.sql = InParens(text.sql);
      text = {text.sql + " AS " + QuoteIdentifier(expr.alias), true};
    }
    return text;
  }

  Text FormatWithoutAlias(const Expr& expr) const {
    switch (expr.kind) {
      case ExprKind::kLiteral:
        return FormatLiteralExpr(static_cast<const Literal&>(expr));
      case ExprKind::kIdentifier:
        return FormatIdentifier(static_cast<const Identifier&>(expr));
      case ExprKind::kAsterisk:
        return {FormatAsterisk(static_cast<const Asterisk&>(expr))};
      case ExprKind::kFunction:
        return FormatFunction(static_cast<const Function&>(expr));
      case ExprKind::kLambda:
        return FormatLambda(static_cast<const Lambda&>(expr));
      case ExprKind::kSubquery:
        return {InParens(FormatQuery(*static_cast<const Subquery&>(expr).query))};
      case ExprKind::kParameter:
        break;
    }
    const auto& parameter = static_cast<const QueryParameter&>(expr);
    return {"{" + QuoteIdentifier(parameter.name) + ":" + parameter.type + "}"};
  }

 private:
  Text FormatIdentifier(const Identifier& identifier) const {
    return {resolved_name_ != nullptr ? (*resolved_name_)(identifier)
                                      : FormatPath(identifier.parts)};
  }

  static Text FormatLiteralExpr(const Literal& literal) {
    std::string sql = FormatLiteral(literal.value, literal.type);
    const bool negative = sql.starts_with('-');
    return {std::move(sql), negative};
  }

  Text FormatLambda(const Lambda& lambda) const {
    const std::string arguments = lambda.arguments.size() == 1
                                      ? QuoteIdentifier(lambda.arguments[0])
                                      : FormatNames(lambda.arguments);
    const std::string body = Format(*lambda.body).sql;
    const bool aliased = style_ == Style::kInfix && !lambda.body->alias.empty();
    return {arguments + " -> " + (aliased ? InParens(body) : body), true};
  }

  Text FormatFunction(const Function& call) const {
    if (style_ == Style::kInfix && call.parameters.empty() && !call.distinct) {
      if (std::optional<Text> text = FormatOperator(call)) return *text;
    }
    std::string sql = FormatFunctionName(call);
    if (!call.parameters.empty()) sql += InParens(List(call.parameters));
    return {sql + (call.distinct ? "(DISTINCT " : "(") + FormatArguments(call) + ")"};
  }

  // In CAST an AS without parentheses would begin the type.
  std::string FormatArguments(const Function& call) const {
    const bool aliased_cast = style_ == Style::kInfix && call.name == "CAST" &&
                              call.arguments.size() == 2 && !call.arguments[0]->alias.empty();
    if (!aliased_cast) return List(call.arguments);
    return Operand(*call.arguments[0]) + ", " + Format(*call.arguments[1]).sql;
  }

  // Nothing if there is no operator for this call.
  std::optional<Text> FormatOperator(const Function& call) const {
    const size_t count = call.arguments.size();
    if (count == 1) return FormatUnary(call.name, *call.arguments[0]);
    if (count >= 2 && call.name == "tuple") return Text{InParens(List(call.arguments))};
    if (const std::string symbol = SymbolOf(kChains, call.name); count >= 2 && !symbol.empty()) {
      return FormatChain(call, symbol);
    }
    if (count == 2) return FormatBinary(call.name, *call.arguments[0], *call.arguments[1]);
    return std::nullopt;
  }

  std::optional<Text> FormatUnary(const std::string& function, const Expr& argument) const {
    if (function == "not") return Text{"NOT " + Operand(argument), true};
    // -1 is a literal
    if (function == "negate" && argument.kind != ExprKind::kLiteral) {
      return Text{"-" + Operand(argument), true};
    }
    const std::string symbol = SymbolOf(kPostfix, function);
    if (symbol.empty()) return std::nullopt;
    return Text{Operand(argument) + " " + symbol, true};
  }

  std::optional<Text> FormatBinary(const std::string& function, const Expr& left,
                                   const Expr& right) const {
    if (function == "arrayElement") return Text{Operand(left) + "[" + Format(right).sql + "]"};
    if (const std::string symbol = SymbolOf(kBinary, function); !symbol.empty()) {
      return Text{Operand(left) + " " + symbol + " " + Operand(right), true};
    }
    const std::string symbol = SymbolOf(kIn, function);
    const std::optional<std::string> set = symbol.empty() ? std::nullopt : FormatSet(right);
    if (!set) return std::nullopt;
    return Text{Operand(left) + " " + symbol + " " + *set, true};
  }

  // The right side of IN, where parentheses make a tuple: nothing if it can't do without them.
  std::optional<std::string> FormatSet(const Expr& right) const {
    if (const Function* tuple = AsTuple(right)) return InParens(List(tuple->arguments));
    const Text text = Format(right);
    if (text.loose || right.kind == ExprKind::kFunction) return std::nullopt;
    return text.sql;
  }

  Text FormatChain(const Function& call, const std::string& symbol) const {
    std::string sql = Operand(*call.arguments[0]);
    for (size_t i = 1; i < call.arguments.size(); ++i) {
      sql += " " + symbol + " " + Operand(*call.arguments[i]);
    }
    return {std::move(sql), true};
  }

  std::string Operand(const Expr& expr) const {
    Text text = Format(expr);
    return text.loose ? InParens(text.sql) : std::move(text.sql);
  }

  std::string List(const std::vector<ExprPtr>& list) const {
    return JoinList(list, [this](const ExprPtr& expr) { return Format(*expr).sql; });
  }

  const Style style_;
  const ResolvedName* const resolved_name_;
};

std::string FormatFloat(double value) {
  std::string text = ValueToSql(value, TypeId::kFloat64);
  const bool looks_integer = text.find_first_not_of("-0123456789") == std::string::npos;
  if (looks_integer) text += '.';
  return text;
}

}  // namespace

std::string FormatExpr(const Expr& expr) { return ExprFormatter(Style::kInfix).Format(expr).sql; }

std::string ColumnName(const Expr& expr) { return ExprFormatter(Style::kCalls).Format(expr).sql; }

std::string ResultName(const Expr& expr, const ResolvedName& resolved_name) {
  return ExprFormatter(Style::kCalls, &resolved_name).FormatWithoutAlias(expr).sql;
}

std::string FormatExprs(const std::vector<ExprPtr>& exprs) {
  return JoinList(exprs, [](const ExprPtr& expr) { return FormatExpr(*expr); });
}

std::string FormatNames(const std::vector<std::string>& names) {
  return InParens(JoinList(names, QuoteIdentifier));
}

std::string FormatString(const std::string& text) { return ValueToSql(text, TypeId::kString); }

std::string FormatLiteral(const Value& value, const DataType& type) {
  if (type.is_nothing()) return "NULL";
  if (type.id() == TypeId::kFloat64) return FormatFloat(value.as_double());
  if (!type.is_array()) return ValueToSql(value, type);
  return "[" +
         JoinList(value.as_array(),
                  [&](const Value& element) { return FormatLiteral(element, type.element()); }) +
         "]";
}

std::string QuoteIdentifier(const std::string& name) {
  return IsPlainIdentifier(name) ? name : QuoteAlways(name);
}

}  // namespace granary::sql
