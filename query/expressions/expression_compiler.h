// From syntax trees to expressions that can be evaluated: resolves names and aliases, binds
// functions, folds constants and reports what is wrong in ClickHouse's codes.
//
//   ExpressionScope scope;
//   scope.columns = {{"a", TypeId::kInt32}};
//   auto sum = CompileExpression(*sql::ParseExpression("a + 1"), scope);
//   ColumnPtr column = sum->Evaluate(block);
//
// Aggregation: give the scope a list of aggregates. Calls of aggregate functions are then collected
// there and stand for columns named by their text; group keys go into `computed`. Afterwards the
// compiled expressions read the aggregated block alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "granary/query/expressions/expression_node.h"
#include "granary/query/expressions/parameters.h"
#include "granary/query/functions/aggregate_function.h"
#include "granary/query/functions/function_registry.h"
#include "granary/query/sql/ast.h"
#include "granary/table/expression.h"

namespace granary {

struct ScopeColumn {
  std::string name;  // in the block
  DataType type;
};

class CompiledExpression;
using CompiledExpressionPtr = std::shared_ptr<const CompiledExpression>;

struct SubqueryResult {
  Block rows;
  // (SELECT ...), the same for the same subquery and for no other of the statement.
  std::string text;
};

// A call of an aggregate function, found while compiling.
struct AggregateCall {
  std::string text;  // canonical; the name of the column that is to hold the result
  std::string name;  // as written
  AggregateFunctionPtr function;
  std::vector<CompiledExpressionPtr> arguments;  // over the columns of the scope
};

// What names mean. Plain data; references outlive the compilation (context.clock: the expression).
struct ExpressionScope {
  std::vector<ScopeColumn> columns;
  // What may stand before a column name and a dot: "t", "default.t".
  std::vector<std::string> qualifiers;
  // Columns that the block does not hold: those of a subquery, by name, as expressions over the
  // block.
  std::map<std::string, CompiledExpressionPtr> definitions;
  // Names with a qualifier that stand for columns of other names: those of joined tables.
  std::map<std::string, std::string> qualified;
  // SELECT ... AS name, WITH ... AS name. An alias goes before a column of the same name, except
  // inside its own expression.
  std::map<std::string, sql::ExprPtr> aliases;
  // Expressions that the block holds as columns already, by canonical text (group keys, distances).
  std::map<std::string, ScopeColumn> computed;
  // Not null: aggregate functions are allowed and collected here, each text once, and columns
  // outside of them that `computed` does not cover are NOT_AN_AGGREGATE. Null: aggregate functions
  // are ILLEGAL_AGGREGATION.
  std::vector<AggregateCall>* aggregates = nullptr;
  const Parameters* parameters = nullptr;
  // Parameters that stand for a column: those that have many values, one for each row.
  std::map<std::string, ScopeColumn> parameter_columns;
  // Runs a scalar or IN subquery. Empty: subqueries are refused.
  std::function<SubqueryResult(const sql::Query&)> run_subquery;
  FunctionContext context;
  const FunctionRegistry* functions = nullptr;  // null: BuiltinFunctions()
  uint64_t elements_max = 500000;  // of one expression, aliases repeated; beyond it is TOO_BIG_AST

  // Adds the columns of a block or table.
  void AddColumn(std::string name, DataType type) { columns.push_back({std::move(name), type}); }
  // Adds every alias inside `expr`. MULTIPLE_EXPRESSIONS_FOR_ALIAS if one of the name stands for
  // something else already.
  void AddAliases(const sql::ExprPtr& expr);
};

class CompiledExpression final : public Expression {
 public:
  // For the compiler. `slots` is one more than the largest slot of a node.
  CompiledExpression(ExpressionNodePtr root, size_t slots);

  ColumnPtr Evaluate(const Block& block) const override;
  const DataType& type() const override { return root_->type(); }
  const std::string& text() const override { return root_->text(); }
  const std::vector<std::string>& required_columns() const override {
    return root_->required_columns();
  }
  const ExpressionNodePtr& root() const { return root_; }
  size_t slots() const { return slots_; }

 private:
  ExpressionNodePtr root_;
  size_t slots_;
};

// Expressions over the same blocks: a call that several of them contain is computed once.
class ExpressionList {
 public:
  explicit ExpressionList(std::vector<CompiledExpressionPtr> expressions);

  const std::vector<CompiledExpressionPtr>& expressions() const { return expressions_; }
  // A column for each, in order.
  std::vector<ColumnPtr> Evaluate(const Block& block) const;

 private:
  std::vector<CompiledExpressionPtr> expressions_;
  std::unordered_map<const ExpressionNode*, size_t> shared_;  // calls, numbered by text
};

// Throws UNKNOWN_IDENTIFIER and UNKNOWN_FUNCTION (with close names), CYCLIC_ALIASES, what binding
// functions and folding constants throws, NOT_IMPLEMENTED for NULL and tuples.
CompiledExpressionPtr CompileExpression(const sql::Expr& expr, const ExpressionScope& scope);

// The same, with the result converted as CAST does (for DEFAULT and INSERT SELECT).
CompiledExpressionPtr CompileExpressionAs(const sql::Expr& expr, const DataType& type,
                                          const ExpressionScope& scope);

// For WHERE, HAVING and CHECK: the type must be a number or Bool, else
// ILLEGAL_TYPE_OF_COLUMN_FOR_FILTER.
CompiledExpressionPtr CompileCondition(const sql::Expr& expr, const ExpressionScope& scope);

// A column of the block, and the value of a column of one row; `text` is like no other's in the
// query unless it means the same.
CompiledExpressionPtr ColumnExpression(const std::string& name, const DataType& type);
CompiledExpressionPtr ConstantExpression(ColumnPtr value, std::string text);

// The conditions that AND combines, outermost only, as expressions over the same block.
std::vector<CompiledExpressionPtr> ConjunctsOf(const CompiledExpression& condition);
// What is true where all of them (at least one) are.
CompiledExpressionPtr CombineByAnd(const std::vector<CompiledExpressionPtr>& conditions,
                                   const FunctionContext& context);
// The expression over a block that holds some of its subexpressions as columns already, by text.
CompiledExpressionPtr ReadComputed(const CompiledExpression& expression,
                                   const std::map<std::string, ScopeColumn>& computed,
                                   const FunctionContext& context);

// rows[i] != 0 of a condition's result, as a mask for Block::Filter; returns how many are set.
// `mask` has column.size() entries.
size_t ConditionMask(const Column& column, std::span<uint8_t> mask);

struct TypedValue {
  DataType type;
  Value value;
};

// The value of an expression without columns, for LIMIT, VALUES, settings and partition values.
// BAD_ARGUMENTS if it is not constant.
TypedValue EvaluateConstant(const sql::Expr& expr, const ExpressionScope& scope);
TypedValue EvaluateConstant(const CompiledExpression& expression);
// The same as a column of one row, converted to `type` as CAST does.
ColumnPtr EvaluateConstantAs(const sql::Expr& expr, const DataType& type,
                             const ExpressionScope& scope);

// Whether a call of an aggregate function stands in the expression, or in an alias that it uses.
bool ContainsAggregate(const sql::Expr& expr, const ExpressionScope& scope);

}  // namespace granary
