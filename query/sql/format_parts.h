// Pieces of SQL text that the formatters of expressions, queries and statements share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "granary/query/sql/ast.h"

namespace granary::sql {

// The items as format(item), separated by ", ".
template <class T, class F>
std::string JoinList(const std::vector<T>& items, F format) {
  std::string text;
  for (const T& item : items) {
    if (!text.empty()) text += ", ";
    text += format(item);
  }
  return text;
}

// "a, b"
std::string FormatExprs(const std::vector<ExprPtr>& exprs);
// "(`a b`, c)"
std::string FormatNames(const std::vector<std::string>& names);
// Text that reads back as a literal of this value and type.
std::string FormatLiteral(const Value& value, const DataType& type);
std::string FormatString(const std::string& text);
// "a = 1, b = 'x'"
std::string FormatSettings(const std::vector<SettingChange>& settings);
std::string FormatTableName(const TableName& name);
std::string FormatTableExpression(const TableExpression& table);
std::string FormatExplain(const ExplainStatement& explain);

// " KEYWORD text", or nothing if there is no text.
std::string Clause(std::string_view keyword, const std::string& text);
// " KEYWORD expression", or nothing for a null pointer.
std::string Clause(std::string_view keyword, const ExprPtr& expr);

}  // namespace granary::sql
