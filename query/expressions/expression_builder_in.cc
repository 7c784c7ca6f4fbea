// x IN ...: a set of constants where that is possible, else equals and has.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "granary/query/expressions/expression_builder.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/constant_set.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

constexpr size_t kNanosecondsPerLiteral = 100;

const sql::Function* AsCallOf(const sql::Expr& expr, std::string_view name) {
  const auto* function = sql::As<sql::Function>(expr);
  return function != nullptr && function->name == name ? function : nullptr;
}

bool IsPlainLiteral(const sql::ExprPtr& expr) {
  const auto* literal = sql::As<sql::Literal>(*expr);
  return literal != nullptr && !literal->is_null();
}

// The values of literals, in a column for each type there is: a list may be long, and a node for
// each of its elements would take many times the memory of the values.
std::vector<ColumnPtr> ColumnsOf(const std::vector<sql::ExprPtr>& literals) {
  std::map<std::string, std::unique_ptr<ColumnBuilder>> by_type;
  CancelCheck check;
  for (const sql::ExprPtr& expr : literals) {
    const auto& literal = *sql::As<sql::Literal>(*expr);
    std::unique_ptr<ColumnBuilder>& values = by_type[literal.type.name()];
    if (values == nullptr) values = ColumnBuilder::Create(literal.type);
    values->Append(literal.value);
    check.After(kNanosecondsPerLiteral);
  }
  std::vector<ColumnPtr> columns;
  for (const auto& [type, values] : by_type) columns.push_back(values->Finish());
  return columns;
}

// The elements of a constant array as a column.
ColumnPtr ElementsOf(const ColumnPtr& array) {
  const ArrayColumn& stored = AsArrays(*array);
  return stored.elements()->Slice(stored.Begin(0), stored.Length(0));
}

}  // namespace

ExpressionNodePtr ExpressionBuilder::CompileIn(const sql::Function& function, bool negated) {
  if (function.arguments.size() != 2) {
    throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
                fmt::format("Function {} takes 2 arguments, not {}", function.name,
                            function.arguments.size()));
  }
  const sql::Expr& right = *function.arguments[1];
  const sql::Function* list = AsCallOf(right, "tuple");
  if (AsCallOf(*function.arguments[0], "tuple") != nullptr) {
    ExpressionNodePtr node = CompileTupleIn(function);
    return negated ? Call("not", {std::move(node)}) : node;
  }
  const ExpressionNodePtr left = Compile(*function.arguments[0]);
  if (list != nullptr) {
    return CompileInList(left, list->arguments, negated, sql::ColumnName(right));
  }
  return CompileInColumn(left, right, negated);
}

ExpressionNodePtr ExpressionBuilder::CompileInList(const ExpressionNodePtr& left,
                                                   const std::vector<sql::ExprPtr>& elements,
                                                   bool negated, const std::string& text) {
  if (std::all_of(elements.begin(), elements.end(), IsPlainLiteral)) {
    return MakeSet(left, ColumnsOf(elements), {}, negated, text);
  }
  std::vector<ExpressionNodePtr> nodes;
  std::vector<ColumnPtr> values;
  for (const sql::ExprPtr& element : elements) {
    nodes.push_back(Compile(*element));
    if (nodes.back()->constant() != nullptr) values.push_back(nodes.back()->constant());
  }
  if (values.size() == nodes.size()) return MakeSet(left, values, nodes, negated, text);
  std::vector<ExpressionNodePtr> equalities;
  for (const ExpressionNodePtr& node : nodes) equalities.push_back(Call("equals", {left, node}));
  ExpressionNodePtr any = equalities.size() == 1 ? equalities[0] : Call("or", equalities);
  return negated ? Call("not", {std::move(any)}) : any;
}

ExpressionNodePtr ExpressionBuilder::CompileInColumn(const ExpressionNodePtr& left,
                                                     const sql::Expr& right, bool negated) {
  if (const auto* subquery = sql::As<sql::Subquery>(right)) {
    const SubqueryResult result = RunSubquery(*subquery->query);
    if (result.rows.column_count() != 1) {
      throw Error(ErrorCode::kIncorrectNumberOfColumns,
                  fmt::format("The subquery on the right of IN must return one column, not {}: {}",
                              result.rows.column_count(), result.text));
    }
    return MakeSet(left, {result.rows.column(0)}, {}, negated, result.text);
  }
  const ExpressionNodePtr node = Compile(right);
  const bool is_list = node->type().is_array() && !left->type().is_array();
  if (node->constant() != nullptr) {
    return MakeSet(left, {is_list ? ElementsOf(node->constant()) : node->constant()},
                   std::span(&node, 1), negated, sql::ColumnName(right));
  }
  ExpressionNodePtr found = is_list ? Call("has", {node, left}) : Call("equals", {left, node});
  return negated ? Call("not", {std::move(found)}) : found;
}

ExpressionNodePtr ExpressionBuilder::MakeSet(const ExpressionNodePtr& left,
                                             const std::vector<ColumnPtr>& values,
                                             std::span<const ExpressionNodePtr> sources,
                                             bool negated, const std::string& text) {
  auto set = std::make_shared<const ConstantSet>(left->type(), values);
  if (left->constant() != nullptr) {
    std::vector<ExpressionNodePtr> all(sources.begin(), sources.end());
    all.push_back(left);
    return Constant(StoredRows(set->Contains(*left->constant(), negated)),
                    SetNode::TextOf(*left, negated, text), all);
  }
  auto node = std::make_shared<SetNode>(left, std::move(set), negated, text);
  for (const ExpressionNodePtr& source : sources) node->InheritParameters(*source);
  return Intern(std::move(node));
}

}  // namespace granary
