#include "reduction.h"

#include <sstream>

namespace granary::differential {
namespace {

std::vector<std::string> Fields(const std::string& row) {
  std::vector<std::string> fields;
  std::istringstream text(row);
  for (std::string field; std::getline(text, field, '\t');) fields.push_back(field);
  if (row.empty() || row.back() == '\t') fields.emplace_back();
  return fields;
}

// The text of a field in quotes. Only plain strings are escaped already; of arrays, what stands
// inside them is.
std::string Quoted(const DataType& type, const std::string& field) {
  if (!type.is_array()) return "'" + field + "'";
  std::string text = "'";
  for (const char c : field) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

ExprPtr ValueOf(const ExprPtr& argument, const std::string& field) {
  auto value = std::make_shared<Expr>();
  const std::string text = Quoted(argument->type, field);
  value->shape = argument->type.is_string()
                     ? "materialize(" + text + ")"
                     : "materialize(CAST(" + text + ", '" + argument->type.name() + "'))";
  value->is_constant = true;
  return value;
}

// Whether it can be replaced by its value: the others stay as they are.
bool HasValue(const ExprPtr& argument) { return !argument->is_constant && argument->is_typed; }

}  // namespace

Verdict Reduction::WithValues(const ExprPtr& expression, const Verdict& verdict) const {
  std::string sql;
  for (const ExprPtr& argument : expression->arguments) {
    if (argument->is_bound) return verdict;
    if (HasValue(argument)) sql += (sql.empty() ? "" : ", ") + argument->Text();
  }
  if (sql.empty()) return verdict;
  const Answer values = ask_ours_({.sql = "SELECT " + sql + " FROM plain ORDER BY id"});
  for (const std::string& row : values.rows) {
    const std::vector<std::string> fields = Fields(row);
    auto replaced = std::make_shared<Expr>(*expression);
    replaced->is_constant = true;
    size_t field = 0;
    for (ExprPtr& argument : replaced->arguments) {
      if (HasValue(argument) && field < fields.size())
        argument = ValueOf(argument, fields[field++]);
    }
    Verdict reduced = check_(ScalarQuery(replaced).AsStatement());
    if (!reduced.outcome.empty()) return reduced;
  }
  return verdict;
}

Verdict Reduction::ReduceExpression(const ExprPtr& expression) const {
  if (expression->is_leaf() || expression->is_bound) return {};
  for (const ExprPtr& argument : expression->arguments) {
    Verdict reduced = ReduceExpression(argument);
    if (!reduced.outcome.empty()) return reduced;
  }
  const Verdict verdict = check_(ScalarQuery(expression).AsStatement());
  return verdict.outcome.empty() ? verdict : WithValues(expression, verdict);
}

Verdict Reduction::Reduce(const Query& query, const Verdict& verdict) const {
  if (query.format.empty()) {
    for (const Section& section : query.sections) {
      for (const ExprPtr& expression : section.expressions) {
        Verdict reduced = ReduceExpression(expression);
        if (!reduced.outcome.empty()) return reduced;
      }
    }
  }
  Query smaller = query;
  Verdict smallest = verdict;
  for (size_t i = smaller.sections.size(); i-- > 0;) {
    if (!smaller.sections[i].is_optional) continue;
    Query without = smaller;
    without.sections.erase(without.sections.begin() + static_cast<ptrdiff_t>(i));
    Verdict reduced = check_(without.AsStatement());
    if (reduced.outcome.empty()) continue;
    smaller = without;
    smallest = reduced;
  }
  return smallest;
}

}  // namespace granary::differential
