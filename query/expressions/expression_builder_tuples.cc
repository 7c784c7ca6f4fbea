// Tuples, which are no values here: compared with each other, and on the left of IN.
#include <algorithm>

#include <fmt/format.h>

#include "granary/query/expressions/expression_builder.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/constant_set.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/row_bytes.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

const sql::Function* AsTuple(const sql::Expr& expr) {
  const auto* function = sql::As<sql::Function>(expr);
  return function != nullptr && function->name == "tuple" ? function : nullptr;
}

// The columns of the subquery as the types of the left side: rows of which a value is equal to none
// of its type are left out.
std::vector<ColumnPtr> ConvertRows(const Block& block, const std::vector<ExpressionNodePtr>& left) {
  std::vector<std::unique_ptr<ColumnBuilder>> builders;
  for (const ExpressionNodePtr& node : left)
    builders.push_back(ColumnBuilder::Create(node->type()));
  for (size_t row = 0; row < block.rows(); ++row) {
    std::vector<ColumnPtr> values;
    for (size_t i = 0; i < left.size(); ++i) {
      values.push_back(ConvertExactly(StoredRows(block.column(i)->Slice(row, 1)), left[i]->type()));
      if (values.back() == nullptr) break;
    }
    if (values.back() == nullptr) continue;
    for (size_t i = 0; i < left.size(); ++i) builders[i]->AppendRange(*values[i], 0, 1);
  }
  std::vector<ColumnPtr> columns;
  for (const auto& builder : builders) columns.push_back(builder->Finish());
  return columns;
}

}  // namespace

ExpressionNodePtr ExpressionBuilder::CompileTupleComparison(const sql::Function& function) {
  constexpr std::string_view kComparisons[] = {"equals",       "notEquals", "less",
                                               "lessOrEquals", "greater",   "greaterOrEquals"};
  if (std::ranges::find(kComparisons, function.name) == std::end(kComparisons)) return nullptr;
  if (function.arguments.size() != 2) return nullptr;
  const sql::Function* left = AsTuple(*function.arguments[0]);
  const sql::Function* right = AsTuple(*function.arguments[1]);
  if (left == nullptr || right == nullptr) return nullptr;
  if (left->arguments.size() != right->arguments.size() || left->arguments.empty()) {
    throw Error(ErrorCode::kIllegalTypeOfArgument,
                fmt::format("Tuples that are compared must have equally many elements: {}",
                            sql::ColumnName(function)));
  }
  const bool is_equality = function.name == "equals" || function.name == "notEquals";
  const std::string strict = function.name.substr(0, function.name.find("OrEquals"));
  // From the last element on, as the comparison of what follows decides where elements are equal.
  ExpressionNodePtr rest;
  for (size_t i = left->arguments.size(); i-- > 0;) {
    const std::vector<ExpressionNodePtr> pair = {Compile(*left->arguments[i]),
                                                 Compile(*right->arguments[i])};
    if (rest == nullptr) {
      rest = Call(function.name, pair);
    } else if (is_equality) {
      rest = Call(function.name == "equals" ? "and" : "or", {Call(function.name, pair), rest});
    } else {
      rest = Call("or", {Call(strict, pair), Call("and", {Call("equals", pair), rest})});
    }
  }
  return rest;
}

ExpressionNodePtr ExpressionBuilder::CompileTupleIn(const sql::Function& function) {
  const sql::Function& left = *AsTuple(*function.arguments[0]);
  const sql::Expr& right = *function.arguments[1];
  if (const sql::Function* list = AsTuple(right)) return CompileInTuples(left, *list);
  const auto* subquery = sql::As<sql::Subquery>(right);
  if (subquery == nullptr) {
    throw Error(ErrorCode::kNotImplemented,
                fmt::format("(a, b) IN needs a list of tuples or a subquery on its right: {}",
                            sql::ColumnName(function)));
  }
  return CompileInRows(left, *subquery);
}

ExpressionNodePtr ExpressionBuilder::CompileInTuples(const sql::Function& left,
                                                     const sql::Function& right) {
  std::vector<const sql::Function*> rows;
  const bool is_single_row =
      std::none_of(right.arguments.begin(), right.arguments.end(),
                   [](const sql::ExprPtr& element) { return AsTuple(*element) != nullptr; });
  if (is_single_row) {
    rows.push_back(&right);
  } else {
    for (const sql::ExprPtr& row : right.arguments) rows.push_back(AsTuple(*row));
  }
  std::vector<ExpressionNodePtr> matches;
  for (const sql::Function* row : rows) {
    if (row == nullptr || row->arguments.size() != left.arguments.size()) {
      throw Error(ErrorCode::kTypeMismatch,
                  fmt::format("The tuples on the right of IN must have {} elements each: {}",
                              left.arguments.size(), sql::ColumnName(right)));
    }
    std::vector<ExpressionNodePtr> equalities;
    for (size_t i = 0; i < left.arguments.size(); ++i) {
      equalities.push_back(
          Call("equals", {Compile(*left.arguments[i]), Compile(*row->arguments[i])}));
    }
    matches.push_back(equalities.size() == 1 ? equalities[0] : Call("and", equalities));
  }
  return matches.size() == 1 ? matches[0] : Call("or", matches);
}

// The set of rows decides; the sets of single columns are what keys and indexes understand.
ExpressionNodePtr ExpressionBuilder::CompileInRows(const sql::Function& left,
                                                   const sql::Subquery& right) {
  const SubqueryResult result = RunSubquery(*right.query);
  const Block& block = result.rows;
  if (block.column_count() != left.arguments.size()) {
    throw Error(ErrorCode::kIncorrectNumberOfColumns,
                fmt::format("The subquery on the right of IN must return {} columns, not {}: {}",
                            left.arguments.size(), block.column_count(), result.text));
  }
  std::vector<ExpressionNodePtr> elements;
  for (const sql::ExprPtr& element : left.arguments) elements.push_back(Compile(*element));
  const std::vector<ColumnPtr> columns = ConvertRows(block, elements);
  std::vector<ExpressionNodePtr> conditions;
  for (size_t i = 0; i < elements.size(); ++i) {
    conditions.push_back(MakeSet(elements[i], {columns[i]}, {}, /*negated=*/false,
                                 fmt::format("{}.{}", result.text, i + 1)));
  }
  const ColumnPtr keys = RowKeys(columns, columns.front()->size());
  auto set = std::make_shared<const ConstantSet>(TypeId::kString, std::span(&keys, 1));
  conditions.push_back(Intern(std::make_shared<RowSetNode>(elements, std::move(set), result.text)));
  return Call("and", std::move(conditions));
}

}  // namespace granary
