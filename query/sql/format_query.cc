#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/format_parts.h"

namespace granary::sql {
namespace {

std::string FormatWithItem(const WithItem& item) {
  if (item.expression) return FormatExpr(*item.expression);
  return QuoteIdentifier(item.name) + " AS (" + FormatQuery(*item.query) + ")";
}

std::string FormatJoinHead(const Join& join) {
  std::string text = " ";
  switch (join.strictness) {
    case JoinStrictness::kAll:
      break;
    case JoinStrictness::kAny:
      text += "ANY ";
      break;
    case JoinStrictness::kSemi:
      text += "SEMI ";
      break;
    case JoinStrictness::kAnti:
      text += "ANTI ";
      break;
    case JoinStrictness::kAsof:
      text += "ASOF ";
      break;
  }
  switch (join.kind) {
    case JoinKind::kComma:
      return ", ";
    case JoinKind::kCross:
      return text + "CROSS JOIN ";
    case JoinKind::kInner:
      return text + "INNER JOIN ";
    case JoinKind::kLeft:
      return text + "LEFT JOIN ";
    case JoinKind::kRight:
      return text + "RIGHT JOIN ";
    case JoinKind::kFull:
      break;
  }
  return text + "FULL JOIN ";
}

std::string FormatFrom(const std::vector<TableExpression>& tables) {
  std::string text = FormatTableExpression(tables.front());
  for (size_t i = 1; i < tables.size(); ++i) {
    const Join& join = tables[i].join;
    text += FormatJoinHead(join) + FormatTableExpression(tables[i]) + Clause("ON", join.on);
    if (!join.using_columns.empty()) text += " USING " + FormatNames(join.using_columns);
  }
  return text;
}

std::string FormatOrderItem(const OrderItem& item) {
  return FormatExpr(*item.expression) + (item.descending ? " DESC" : "") +
         (item.nulls_first ? " NULLS FIRST" : "");
}

std::string FormatLimits(const Select& select) {
  std::string text;
  if (select.limit_by) {
    text += Clause("LIMIT", select.limit_by->limit) + Clause("OFFSET", select.limit_by->offset) +
            Clause("BY", FormatExprs(select.limit_by->columns));
  }
  text += Clause("LIMIT", select.limit) + Clause("OFFSET", select.offset);
  if (select.with_ties) text += " WITH TIES";
  return text;
}

std::string FormatSelect(const Select& select) {
  std::string text;
  if (!select.with.empty()) text += "WITH " + JoinList(select.with, FormatWithItem) + " ";
  text += select.distinct ? "SELECT DISTINCT " : "SELECT ";
  text += FormatExprs(select.columns);
  if (!select.from.empty()) text += " FROM " + FormatFrom(select.from);
  text += Clause("PREWHERE", select.prewhere) + Clause("WHERE", select.where);
  text += Clause("GROUP BY", select.group_by_all ? "ALL" : FormatExprs(select.group_by));
  text += Clause("HAVING", select.having);
  text +=
      Clause("ORDER BY", select.order_by_all ? "ALL" : JoinList(select.order_by, FormatOrderItem));
  return text + FormatLimits(select) + Clause("SETTINGS", FormatSettings(select.settings));
}

std::string FormatTableSource(const TableExpression& table) {
  if (table.table) return FormatTableName(*table.table);
  if (table.function) {
    const std::string& database = table.function_database;
    return (database.empty() ? database : QuoteIdentifier(database) + ".") +
           FormatExpr(*table.function);
  }
  return "(" + (table.subquery ? FormatQuery(*table.subquery) : FormatExplain(*table.explain)) +
         ")";
}

}  // namespace

std::string FormatQuery(const Query& query) {
  std::string text = FormatSelect(query.selects.front());
  for (size_t i = 1; i < query.selects.size(); ++i) {
    text += query.union_distinct ? " UNION DISTINCT " : " UNION ALL ";
    text += FormatSelect(query.selects[i]);
  }
  return text;
}

std::string FormatTableExpression(const TableExpression& table) {
  std::string text = FormatTableSource(table);
  if (!table.alias.empty()) text += " AS " + QuoteIdentifier(table.alias);
  if (table.final) text += " FINAL";
  return text;
}

std::string FormatTableName(const TableName& name) {
  const std::string table = QuoteIdentifier(name.table);
  return name.database.empty() ? table : QuoteIdentifier(name.database) + "." + table;
}

std::string FormatSettings(const std::vector<SettingChange>& settings) {
  return JoinList(settings, [](const SettingChange& setting) {
    return QuoteIdentifier(setting.name) + " = " + FormatLiteral(setting.value, setting.type);
  });
}

std::string Clause(std::string_view keyword, const std::string& text) {
  return text.empty() ? text : " " + std::string(keyword) + " " + text;
}

std::string Clause(std::string_view keyword, const ExprPtr& expr) {
  return expr ? Clause(keyword, FormatExpr(*expr)) : std::string();
}

}  // namespace granary::sql
