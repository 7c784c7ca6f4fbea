#include "granary/query/planning/planner.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/functions/type_rules.h"
#include "granary/query/planning/select_planner.h"
#include "granary/query/sql/sql_walk.h"
#include "granary/query/steps/plan_steps.h"
#include "granary/table/stack_guard.h"

namespace granary {
namespace {

constexpr size_t kSubqueryDepthMax = 100;
// Steps, headers and compiled expressions, about.
constexpr size_t kPlanBytesPerElement = 720;

// `plan` with its columns renamed and converted to those of `header`.
PlanPtr ConvertTo(const Header& header, PlanPtr plan) {
  if (plan->header() == header) return plan;
  std::vector<RenameStep::Column> numbered;
  ExpressionScope scope;
  for (size_t i = 0; i < header.size(); ++i) {
    numbered.push_back({plan->header()[i].name, "#" + std::to_string(i)});
    scope.AddColumn(numbered.back().to, plan->header()[i].type);
  }
  std::vector<Projection> columns;
  for (size_t i = 0; i < header.size(); ++i) {
    sql::Identifier column;
    column.parts = {numbered[i].to};
    columns.push_back({header[i].name, CompileExpressionAs(column, header[i].type, scope)});
  }
  return std::make_shared<ProjectStep>(
      std::make_shared<RenameStep>(std::move(plan), std::move(numbered)), std::move(columns),
      "Conversion before UNION");
}

Header CommonHeader(const std::vector<PlanPtr>& plans) {
  Header header = plans.front()->header();
  for (const PlanPtr& plan : plans) {
    if (plan->header().size() != header.size()) {
      throw Error(ErrorCode::kIncorrectNumberOfColumns,
                  "The queries of UNION ALL have " + std::to_string(header.size()) + " and " +
                      std::to_string(plan->header().size()) +
                      " columns; they must have equally many");
    }
    for (size_t i = 0; i < header.size(); ++i) {
      const DataType types[] = {header[i].type, plan->header()[i].type};
      header[i].type = CommonTypeOrThrow(types, "UNION ALL");
    }
  }
  return header;
}

}  // namespace

Planner::Planner(StatementContext* context) : context_(context) {}

PlannerScope Planner::TopScope() {
  PlannerScope scope;
  scope.context = context_;
  scope.settings = std::make_shared<const QuerySettings>(context_->settings());
  return scope;
}

PlanPtr Planner::PlanQuery(const sql::Query& query) { return PlanQuery(query, TopScope()); }

PlanPtr Planner::PlanQuery(const sql::Query& query, const PlannerScope& outer) {
  PlannerScope scope = outer;
  if (++scope.depth > kSubqueryDepthMax) {
    throw Error(ErrorCode::kTooDeepRecursion,
                "Subqueries are nested more than " + std::to_string(kSubqueryDepthMax) + " deep");
  }
  CheckStack();
  CountExpanded(query, *scope.settings);
  std::vector<PlanPtr> plans;
  for (const sql::Select& select : query.selects) {
    plans.push_back(SelectPlanner(select, this, scope).Plan());
  }
  if (plans.size() == 1) return plans.front();
  const Header header = CommonHeader(plans);
  for (PlanPtr& plan : plans) plan = ConvertTo(header, std::move(plan));
  PlanPtr all = std::make_shared<UnionStep>(header, std::move(plans));
  if (!query.union_distinct) return all;
  std::vector<std::string> names;
  for (const HeaderColumn& column : header) names.push_back(column.name);
  return std::make_shared<DistinctStep>(std::move(all), std::move(names));
}

void Planner::CountExpanded(const sql::Query& query, const QuerySettings& settings) {
  context_->task().CheckCancelled();
  const size_t elements = CountElements(query);
  expanded_ += elements;
  if (settings.max_expanded_ast_elements != 0 && expanded_ > settings.max_expanded_ast_elements) {
    throw Error(
        ErrorCode::kTooBigAst,
        "With its WITH queries repeated wherever they are used, the statement has more than " +
            std::to_string(settings.max_expanded_ast_elements) +
            " elements; raise max_expanded_ast_elements, or use them less often");
  }
  context_->ChargePlan(elements * kPlanBytesPerElement);
}

Header Planner::DescribeSource(const sql::TableExpression& source) {
  return ResolveSource(source, *this, TopScope()).columns;
}

Block RunToBlock(const PlanStep& plan, StatementContext& context) {
  const BlockStreamPtr stream = plan.Open(context);
  const std::vector<Block> blocks = Collect(*stream, context.task());
  if (!blocks.empty()) return ConcatenateBlocks(blocks);
  Block empty;
  for (const HeaderColumn& column : plan.header()) {
    empty.Add(column.name, MakeDefaults(column.type, 0));
  }
  return empty;
}

uint64_t EvaluateLimit(const sql::Expr& expr, const ExpressionScope& scope) {
  const TypedValue limit = EvaluateConstant(expr, scope);
  if (limit.value.is_uint()) return limit.value.as_uint();
  if (limit.value.is_int() && limit.value.as_int() >= 0) {
    return static_cast<uint64_t>(limit.value.as_int());
  }
  throw Error(
      ErrorCode::kInvalidLimitExpression,
      "LIMIT and OFFSET take an integer of at least 0, not " + ValueToSql(limit.value, limit.type));
}

}  // namespace granary
