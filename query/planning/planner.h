// From the syntax tree of a query to its plan: resolves what stands in FROM, compiles the
// expressions, decides how tables are read, and stacks the steps.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "granary/query/engine/tables.h"
#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/plan/plan.h"
#include "granary/query/sql/ast.h"
#include "granary/table/settings.h"

namespace granary {

// What a plan depends on: it stays right while all of this is as it was.
struct PlanDependencies {
  std::vector<std::pair<TablePtr, SchemaPtr>> tables;
  // Parameters whose values are part of the plan, as ExpressionNode::parameters() has them; others
  // are looked up at each run.
  std::set<std::string, std::less<>> parameters;
  bool has_subqueries = false;  // their results are part of the plan

  void Add(const CompiledExpression& expression);
};

// What a query may refer to besides its own text; handed down to subqueries.
struct PlannerScope {
  StatementContext* context = nullptr;
  PlanDependencies* dependencies = nullptr;  // of the plan that is made
  std::shared_ptr<const QuerySettings> settings;
  std::map<std::string, sql::QueryPtr> common_tables;  // WITH name AS (SELECT ...)
  std::map<std::string, sql::ExprPtr> expressions;     // WITH expression AS name
  size_t depth = 0;                                    // of subqueries
  std::vector<std::string> views;                      // whose queries it is in, from the outside
};

struct Source;

class Planner {
 public:
  explicit Planner(StatementContext* context);
  Planner(const Planner&) = delete;
  Planner& operator=(const Planner&) = delete;

  // Scalar and IN subqueries run while planning. Throws what resolving and compiling throws.
  PlanPtr PlanQuery(const sql::Query& query);
  PlanPtr PlanQuery(const sql::Query& query, const PlannerScope& outer);
  // The query as what stands in FROM: where it only computes columns of a table's rows, that table.
  Source PlanSource(const sql::Query& query, const PlannerScope& outer);
  // The rows of a scalar or IN subquery. One that has been run in the same scope is not run again.
  SubqueryResult RunSubquery(const sql::Query& query, const PlannerScope& scope);
  // What stands in FROM, read whole: for DESCRIBE.
  Header DescribeSource(const sql::TableExpression& source);

  PlannerScope TopScope();
  PlanDependencies& dependencies() { return dependencies_; }
  // Of what has been charged to the statement (StatementContext::ChargePlan) the bytes that the
  // plans do not hold.
  size_t passing_bytes() const;

 private:
  struct RanSubquery {
    std::map<std::string, sql::QueryPtr> common_tables;
    std::map<std::string, sql::ExprPtr> expressions;
    std::shared_ptr<const QuerySettings> settings;
    SubqueryResult result;
  };

  // The scope inside the query. Throws TOO_DEEP_RECURSION, TOO_BIG_AST.
  PlannerScope Enter(const sql::Query& query, const PlannerScope& outer);
  // Throws TOO_BIG_AST once what has been planned is more than max_expanded_ast_elements.
  void CountExpanded(const sql::Query& query, const PlannerScope& scope);

  StatementContext* context_;
  size_t expanded_ = 0;  // elements of all queries planned
  PlanDependencies dependencies_;
  std::map<std::string, std::vector<RanSubquery>> subqueries_;  // by text
};

// Runs a plan and returns all rows as one block.
Block RunToBlock(const PlanStep& plan, StatementContext& context);

// A constant that becomes part of a plan.
TypedValue EvaluateForPlan(const sql::Expr& expr, const ExpressionScope& scope,
                           PlanDependencies& dependencies);
// A value of LIMIT or OFFSET. Throws INVALID_LIMIT_EXPRESSION.
uint64_t EvaluateLimit(const sql::Expr& expr, const ExpressionScope& scope,
                       PlanDependencies& dependencies);

}  // namespace granary
