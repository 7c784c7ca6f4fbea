#include "granary/query/sql/sql_walk.h"

#include <algorithm>

#include "granary/table/stack_guard.h"

namespace granary {
namespace {

using Visit = std::function<void(const sql::Expr&)>;

void VisitTree(const sql::ExprPtr& expr, const Visit& visit) {
  if (!expr) return;
  CheckStack();
  visit(*expr);
  if (const auto* function = sql::As<sql::Function>(*expr)) {
    for (const sql::ExprPtr& parameter : function->parameters) VisitTree(parameter, visit);
    for (const sql::ExprPtr& argument : function->arguments) VisitTree(argument, visit);
  } else if (const auto* lambda = sql::As<sql::Lambda>(*expr)) {
    VisitTree(lambda->body, visit);
  } else if (const auto* subquery = sql::As<sql::Subquery>(*expr)) {
    VisitExpressions(*subquery->query, visit);
  }
}

void VisitSelect(const sql::Select& select, const Visit& visit) {
  for (const sql::WithItem& item : select.with) {
    VisitTree(item.expression, visit);
    if (item.query) VisitExpressions(*item.query, visit);
  }
  for (const sql::ExprPtr& column : select.columns) VisitTree(column, visit);
  for (const sql::TableExpression& table : select.from) {
    VisitTree(table.function, visit);
    if (table.subquery) VisitExpressions(*table.subquery, visit);
    VisitTree(table.join.on, visit);
  }
  VisitTree(select.prewhere, visit);
  VisitTree(select.where, visit);
  for (const sql::ExprPtr& key : select.group_by) VisitTree(key, visit);
  VisitTree(select.having, visit);
  for (const sql::OrderItem& item : select.order_by) VisitTree(item.expression, visit);
  if (select.limit_by) {
    VisitTree(select.limit_by->limit, visit);
    VisitTree(select.limit_by->offset, visit);
    for (const sql::ExprPtr& column : select.limit_by->columns) VisitTree(column, visit);
  }
  VisitTree(select.limit, visit);
  VisitTree(select.offset, visit);
}

}  // namespace

void VisitExpressions(const sql::Query& query, const Visit& visit) {
  for (const sql::Select& select : query.selects) VisitSelect(select, visit);
}

namespace {

bool IsLiteral(const sql::ExprPtr& expr) { return expr->kind == sql::ExprKind::kLiteral; }

}  // namespace

size_t CountElements(const sql::Query& query) {
  size_t elements = query.selects.size();
  VisitExpressions(query, [&](const sql::Expr& expr) {
    ++elements;
    if (expr.kind == sql::ExprKind::kSubquery) {
      elements += sql::As<sql::Subquery>(expr)->query->selects.size();
    }
    const auto* function = sql::As<sql::Function>(expr);
    if (function == nullptr || (function->name != "tuple" && function->name != "array")) return;
    const auto& arguments = function->arguments;
    if (std::all_of(arguments.begin(), arguments.end(), IsLiteral)) elements -= arguments.size();
  });
  return elements;
}

}  // namespace granary
