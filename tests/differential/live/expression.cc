#include "expression.h"

namespace granary::differential {
namespace {

std::string Fill(const std::string& shape, const std::vector<ExprPtr>& arguments) {
  std::string text;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!arguments.empty() && shape[i] == '$' && i + 1 < shape.size()) {
      text += arguments[static_cast<size_t>(shape[++i] - '0')]->Text();
    } else {
      text += shape[i];
    }
  }
  return text;
}

}  // namespace

std::string Expr::Text() const { return Fill(shape, arguments); }

std::string Section::Text() const { return Fill(shape, expressions); }

Statement Query::AsStatement() const {
  Statement statement{.format = format, .ordered = is_ordered, .exact = is_exact};
  for (const Section& section : sections) {
    if (!statement.sql.empty()) statement.sql += ' ';
    statement.sql += section.Text();
  }
  return statement;
}

Query ScalarQuery(const ExprPtr& expression) {
  Query query;
  query.is_exact = expression->is_exact;
  query.sections.push_back({"SELECT $0 AS x", {expression}});
  if (!expression->is_constant) query.sections.push_back({"FROM plain ORDER BY id", {}});
  return query;
}

}  // namespace granary::differential
