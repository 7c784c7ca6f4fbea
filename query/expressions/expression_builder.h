// The work of the expression compiler: walks a syntax tree and makes nodes. One builder makes the
// nodes of one expression. Internal to expression_compiler.h, which says what is what.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/expressions/expression_node_kinds.h"

namespace granary {

// Sets a variable for a scope.
template <class T>
class Restore {
 public:
  Restore(T& variable, T value) : variable_(variable), saved_(variable) { variable = value; }
  ~Restore() { variable_ = saved_; }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  T& variable_;
  T saved_;
};

class ExpressionBuilder {
 public:
  // The scope outlives the builder.
  explicit ExpressionBuilder(const ExpressionScope& scope);

  ExpressionNodePtr Compile(const sql::Expr& expr);
  // The node, converted as CAST does unless it is of the type.
  ExpressionNodePtr Cast(const ExpressionNodePtr& node, const DataType& type);
  // The root of another expression, made anew in this one: its constants fold with what is around
  // it. It reads the same block.
  ExpressionNodePtr Adopt(const CompiledExpression& expression);
  // The conditions, each adopted.
  ExpressionNodePtr And(const std::vector<CompiledExpressionPtr>& conditions);
  // Throws NOT_AN_AGGREGATE if the scope aggregates and the expression reads other columns.
  CompiledExpressionPtr Finish(const ExpressionNodePtr& root) const;

 private:
  // The expression itself, or the body of a lambda: each is evaluated in frames of its own.
  struct Level {
    std::vector<std::pair<std::string, ScopeColumn>> parameters;  // of the lambda, by name
    std::map<std::string, ExpressionNodePtr> nodes;               // by text
    size_t slots = 0;
  };

  friend class ColumnNode;
  friend class ConstantNode;
  friend class CallNode;
  friend class ConditionalNode;
  friend class SetNode;
  friend class RowSetNode;
  friend class LambdaNode;

  // Nodes of the expression that is being adopted.
  ExpressionNodePtr Rebuild(const ExpressionNode& node) { return node.RebuildIn(*this); }
  ExpressionNodePtr RebuildColumn(const ExpressionNode& column);
  ExpressionNodePtr RebuildCall(const ExpressionNode& call);
  std::vector<ExpressionNodePtr> RebuildArguments(const ExpressionNode& call);
  LambdaBody RebuildLambda(const LambdaBody& lambda, const std::vector<ExpressionNodePtr>& arrays);
  LambdaBody FinishLambda(std::vector<std::string> parameters, ExpressionNodePtr root);
  ExpressionNodePtr CallWithLambda(const FunctionDefinition& definition, LambdaBody lambda,
                                   std::vector<ExpressionNodePtr> arrays);

  // Whatever stands before AS.
  ExpressionNodePtr CompileForm(const sql::Expr& expr);
  // The expression that defines the alias: within it the name is the column, as in x + 1 AS x.
  ExpressionNodePtr CompileAliased(const std::string& alias, const sql::Expr& expr);
  bool IsOpen(const std::string& alias) const;
  ExpressionNodePtr CompileLiteral(const sql::Literal& literal);
  ExpressionNodePtr CompileParameter(const sql::QueryParameter& parameter);
  ExpressionNodePtr CompileScalarSubquery(const sql::Subquery& subquery);
  // exists((SELECT ...)): runs the subquery, 1 if it has a row.
  ExpressionNodePtr CompileExists(const sql::Function& function);

  ExpressionNodePtr CompileIdentifier(const sql::Identifier& identifier);
  ExpressionNodePtr FindLambdaParameter(const std::string& name);
  ExpressionNodePtr FindAlias(const std::string& name);
  ExpressionNodePtr FindColumn(const std::vector<std::string>& parts);
  bool IsHiddenByAggregation(const sql::Expr& aliased, const std::string& name) const;
  [[noreturn]] void ThrowUnknownIdentifier(const std::vector<std::string>& parts) const;

  ExpressionNodePtr CompileFunction(const sql::Function& function);
  [[noreturn]] void ThrowUnknownFunction(const std::string& name) const;
  ExpressionNodePtr CompileAggregate(const sql::Function& function);
  void RequireAggregationAllowed(const sql::Function& function) const;
  ExpressionNodePtr CompileHigherOrder(const FunctionDefinition& definition,
                                       const sql::Function& function);
  std::vector<ExpressionNodePtr> CompileArrays(const sql::Function& function);
  LambdaBody CompileLambda(const sql::Lambda& syntax, const std::vector<ExpressionNodePtr>& arrays);
  // The value of a call with a lambda that reads no columns; null if it has to wait.
  ColumnPtr FoldLambda(const ExpressionNode& node) const;
  // date + INTERVAL, toStartOfInterval: null if the function is no such thing.
  ExpressionNodePtr CompileInterval(const sql::Function& function);
  // Whether arguments but the first are evaluated only for rows that need them.
  static bool IsEvaluatedByNeed(std::string_view function);
  std::vector<ExpressionNodePtr> CompileArguments(const sql::Function& function);
  ExpressionNodePtr Call(std::string_view function, std::vector<ExpressionNodePtr> arguments);
  ExpressionNodePtr Call(const FunctionDefinition& definition, std::string_view name,
                         std::vector<ExpressionNodePtr> arguments);
  static std::vector<FunctionArgument> ArgumentsOf(const std::vector<ExpressionNodePtr>& nodes);
  // The value of a call of constants; null if it has to wait for evaluation.
  ColumnPtr Fold(const FunctionDefinition& definition, const granary::Function& function,
                 const std::vector<ExpressionNodePtr>& arguments) const;

  ExpressionNodePtr CompileIn(const sql::Function& function, bool negated);
  ExpressionNodePtr CompileInList(const ExpressionNodePtr& left,
                                  const std::vector<sql::ExprPtr>& elements, bool negated,
                                  const std::string& text);
  ExpressionNodePtr CompileInColumn(const ExpressionNodePtr& left, const sql::Expr& right,
                                    bool negated);
  // `values` are those of `sources`, which may be empty where no parameter is among them; `text`
  // says what they are.
  ExpressionNodePtr MakeSet(const ExpressionNodePtr& left, const std::vector<ColumnPtr>& values,
                            std::span<const ExpressionNodePtr> sources, bool negated,
                            const std::string& text);

  // (a, b) = (c, d) and the like: null if the function is no such thing.
  ExpressionNodePtr CompileTupleComparison(const sql::Function& function);
  ExpressionNodePtr CompileTupleIn(const sql::Function& function);
  ExpressionNodePtr CompileInTuples(const sql::Function& left, const sql::Function& right);
  ExpressionNodePtr CompileInRows(const sql::Function& left, const sql::Subquery& right);

  SubqueryResult RunSubquery(const sql::Query& query) const;
  // What was computed from the sources, and the instant of the statement if `is_per_statement`.
  ExpressionNodePtr Constant(ColumnPtr value, std::string text,
                             std::span<const ExpressionNodePtr> sources,
                             bool is_per_statement = false);
  // The node of this text, if there is one already, else this one. In its place the column of the
  // block that holds the expression already, if there is one.
  ExpressionNodePtr Intern(std::shared_ptr<ExpressionNode> node);
  bool ReadsLambdaParameter(const ExpressionNode& node) const;
  std::string UnusedName(const std::string& wanted) const;

  const ExpressionScope& scope_;
  const FunctionRegistry& functions_;
  std::vector<Level> levels_;
  static constexpr size_t kNoAlias = ~size_t{0};
  std::vector<std::string> open_aliases_;
  size_t lowest_open_use_ = kNoAlias;  // the outermost of open_aliases_ that was met as a name
  // Outside of lambdas; by name and whether inside an aggregate function.
  std::map<std::pair<std::string, bool>, ExpressionNodePtr> compiled_aliases_;
  bool are_lambda_parameters_visible_ = true;
  // Of lambdas around the node that is being adopted: the names there and here.
  std::vector<std::pair<std::string, std::string>> adopted_parameters_;
  bool is_inside_aggregate_ = false;
  uint64_t compiled_ = 0;  // expressions, those of aliases at each use
  size_t depth_ = 0;
  size_t guarded_ = 0;  // inside arguments that may not be evaluated for any row
};

}  // namespace granary
