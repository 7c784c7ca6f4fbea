#include "granary/query/sql/sql_walk.h"

#include <algorithm>

#include "granary/table/stack_guard.h"

namespace granary {
namespace {

// Calls `visit` on expressions, parents before children.
struct Walk {
  const std::function<void(const sql::Expr&)>& visit;
  bool enters_subqueries = true;

  void VisitQuery(const sql::Query& query) const;
  void VisitSubquery(const sql::QueryPtr& query) const {
    if (query && enters_subqueries) VisitQuery(*query);
  }
  void VisitTree(const sql::ExprPtr& expr) const;
  void VisitSelect(const sql::Select& select) const;
};

void Walk::VisitTree(const sql::ExprPtr& expr) const {
  if (!expr) return;
  CheckStack();
  visit(*expr);
  if (const auto* function = sql::As<sql::Function>(*expr)) {
    for (const sql::ExprPtr& parameter : function->parameters) VisitTree(parameter);
    for (const sql::ExprPtr& argument : function->arguments) VisitTree(argument);
  } else if (const auto* lambda = sql::As<sql::Lambda>(*expr)) {
    VisitTree(lambda->body);
  } else if (const auto* subquery = sql::As<sql::Subquery>(*expr)) {
    VisitSubquery(subquery->query);
  }
}

void Walk::VisitSelect(const sql::Select& select) const {
  for (const sql::WithItem& item : select.with) {
    VisitTree(item.expression);
    VisitSubquery(item.query);
  }
  for (const sql::ExprPtr& column : select.columns) VisitTree(column);
  for (const sql::TableExpression& table : select.from) {
    VisitTree(table.function);
    VisitSubquery(table.subquery);
    VisitTree(table.join.on);
  }
  VisitTree(select.prewhere);
  VisitTree(select.where);
  for (const sql::ExprPtr& key : select.group_by) VisitTree(key);
  VisitTree(select.having);
  for (const sql::OrderItem& item : select.order_by) VisitTree(item.expression);
  if (select.limit_by) {
    VisitTree(select.limit_by->limit);
    VisitTree(select.limit_by->offset);
    for (const sql::ExprPtr& column : select.limit_by->columns) VisitTree(column);
  }
  VisitTree(select.limit);
  VisitTree(select.offset);
}

void Walk::VisitQuery(const sql::Query& query) const {
  for (const sql::Select& select : query.selects) VisitSelect(select);
}

bool IsLiteral(const sql::ExprPtr& expr) { return expr->kind == sql::ExprKind::kLiteral; }

size_t Count(const sql::Query& query, bool with_subqueries) {
  size_t elements = query.selects.size();
  const std::function<void(const sql::Expr&)> count = [&](const sql::Expr& expr) {
    ++elements;
    if (expr.kind == sql::ExprKind::kSubquery && with_subqueries) {
      elements += sql::As<sql::Subquery>(expr)->query->selects.size();
    }
    const auto* function = sql::As<sql::Function>(expr);
    if (function == nullptr || (function->name != "tuple" && function->name != "array")) return;
    const auto& arguments = function->arguments;
    if (std::all_of(arguments.begin(), arguments.end(), IsLiteral)) elements -= arguments.size();
  };
  Walk{count, with_subqueries}.VisitQuery(query);
  return elements;
}

// What malloc and a shared pointer take beside an object.
constexpr size_t kBesideObject = 32;

size_t BytesOf(const std::string& text) {
  constexpr size_t kWithinString = 15;
  return text.capacity() > kWithinString ? text.capacity() + kBesideObject / 2 : 0;
}

size_t BytesOf(const std::vector<std::string>& texts) {
  size_t bytes = texts.capacity() * sizeof(std::string);
  for (const std::string& text : texts) bytes += BytesOf(text);
  return bytes;
}

size_t BytesOf(const Value& value) {
  if (value.is_string()) return BytesOf(value.as_string());
  if (!value.is_array()) return 0;
  const ValueArray& array = value.as_array();
  size_t bytes = array.capacity() * sizeof(Value);
  for (const Value& element : array) bytes += BytesOf(element);
  return bytes;
}

size_t BytesOf(const sql::Expr& expr) {
  const size_t bytes = kBesideObject + BytesOf(expr.alias);
  if (const auto* literal = sql::As<sql::Literal>(expr)) {
    return bytes + sizeof(*literal) + BytesOf(literal->value);
  }
  if (const auto* identifier = sql::As<sql::Identifier>(expr)) {
    return bytes + sizeof(*identifier) + BytesOf(identifier->parts);
  }
  if (const auto* function = sql::As<sql::Function>(expr)) {
    return bytes + sizeof(*function) + BytesOf(function->name) +
           (function->arguments.capacity() + function->parameters.capacity()) *
               sizeof(sql::ExprPtr);
  }
  return bytes + sizeof(sql::QueryParameter);
}

}  // namespace

size_t TreeBytes(const sql::Query& query) {
  size_t bytes = sizeof(sql::Query) + query.selects.capacity() * sizeof(sql::Select);
  VisitExpressions(query, [&](const sql::Expr& expr) {
    bytes += BytesOf(expr);
    const auto* subquery = sql::As<sql::Subquery>(expr);
    if (subquery == nullptr) return;
    bytes += sizeof(sql::Query) + subquery->query->selects.capacity() * sizeof(sql::Select);
  });
  return bytes;
}

void VisitExpressions(const sql::Query& query, const std::function<void(const sql::Expr&)>& visit) {
  Walk{visit}.VisitQuery(query);
}

std::vector<const sql::QueryParameter*> FindPlaceholders(const sql::Query& query) {
  std::vector<const sql::QueryParameter*> found;
  VisitExpressions(query, [&](const sql::Expr& expr) {
    const auto* placeholder = sql::As<sql::QueryParameter>(expr);
    if (placeholder == nullptr) return;
    const bool is_known = std::any_of(found.begin(), found.end(), [&](const auto* known) {
      return known->name == placeholder->name;
    });
    if (!is_known) found.push_back(placeholder);
  });
  return found;
}

size_t CountElements(const sql::Query& query) { return Count(query, true); }
size_t CountOwnElements(const sql::Query& query) { return Count(query, false); }

}  // namespace granary
