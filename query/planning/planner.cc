#include "granary/query/planning/planner.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/functions/type_rules.h"
#include "granary/query/planning/select_planner.h"
#include "granary/query/planning/sources/views.h"
#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/sql_walk.h"
#include "granary/query/steps/plan_steps.h"
#include "granary/table/stack_guard.h"

namespace granary {
namespace {

constexpr size_t kSubqueryDepthMax = 100;
// Steps, headers and compiled expressions, about; and those of them that only planning needs.
constexpr size_t kPlanBytesPerElement = 720;
constexpr size_t kPassingBytesPerElement = 270;

// Copies of a name that the steps from where a column is computed to where it is read hold.
constexpr size_t kCopiesOfName = 8;

// Of names that are longer than what kPlanBytesPerElement has for them: those with long constants.
size_t LongNameBytes(const Header& header) {
  constexpr size_t kLongName = 256;
  size_t bytes = 0;
  for (const HeaderColumn& column : header) {
    if (column.name.size() > kLongName) bytes += column.name.size();
  }
  return bytes;
}

// How many elements the queries that stand in FROM, and those in FROM there, will be planned with:
// WITH queries and views once for each use. Counting stops beyond `max`.
class ExpandedFrom {
 public:
  // `views`: those whose queries it is about, from the outside.
  ExpandedFrom(size_t max, StatementContext* context, const std::vector<std::string>& views)
      : max_(max), context_(context), views_(views) {}

  size_t Count(const sql::Query& query) {
    Add(query, nullptr);
    return elements_;
  }

 private:
  // What names of tables mean, as Planner finds it: the innermost first.
  struct Scope {
    const Scope* outer;
    const sql::Select* select = nullptr;       // its WITH queries
    const std::string* hidden_name = nullptr;  // that of the WITH query which does not see itself
    const std::string* view = nullptr;         // whose query does not see what stands outside
  };

  void Add(const sql::Query& query, const Scope* outer) {
    CheckTaskCancelled();
    CheckStack();
    elements_ += CountOwnElements(query);
    for (const sql::Select& select : query.selects) {
      const Scope scope{outer, &select};
      for (const sql::TableExpression& table : select.from) {
        if (elements_ > max_) return;
        if (table.subquery) Add(*table.subquery, &scope);
        if (table.explain) Add(*table.explain->query, &scope);
        if (table.table && table.table->database.empty() && AddNamed(table.table->table, &scope)) {
          continue;
        }
        if (const TablePtr view = FindView(table, *context_)) AddView(*view, &scope);
      }
    }
  }

  // Whether there is a WITH query of the name.
  bool AddNamed(const std::string& name, const Scope* scope) {
    for (const Scope* at = scope; at != nullptr && at->view == nullptr; at = at->outer) {
      if (at->hidden_name != nullptr && *at->hidden_name == name) return false;
      if (at->select == nullptr) continue;
      const auto& with = at->select->with;
      const auto found = std::find_if(with.rbegin(), with.rend(), [&](const sql::WithItem& item) {
        return item.query != nullptr && item.name == name;
      });
      if (found == with.rend()) continue;
      const Scope without_itself{.outer = scope, .hidden_name = &name};
      Add(*found->query, &without_itself);
      return true;
    }
    return false;
  }

  void AddView(const Table& view, const Scope* scope) {
    std::vector<std::string> views = views_;
    for (const Scope* at = scope; at != nullptr; at = at->outer) {
      if (at->view != nullptr) views.insert(views.begin() + views_.size(), *at->view);
    }
    CheckEnds(view.name, views);
    const Scope of_view{.outer = scope, .view = &view.name};
    Add(*context_->View(view)->query, &of_view);
  }

  const size_t max_;
  StatementContext* const context_;
  const std::vector<std::string>& views_;
  size_t elements_ = 0;
};

[[noreturn]] void ThrowTooManyElements(size_t max) {
  throw Error(ErrorCode::kTooBigAst,
              "With its WITH queries and views repeated wherever they are used, the statement has "
              "more than " +
                  std::to_string(max) +
                  " elements; raise max_expanded_ast_elements, or use them less often");
}

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

void PlanDependencies::Add(const CompiledExpression& expression) {
  const std::vector<std::string>& names = expression.root()->parameters();
  parameters.insert(names.begin(), names.end());
}

Planner::Planner(StatementContext* context) : context_(context) {}

PlannerScope Planner::TopScope() {
  PlannerScope scope;
  scope.context = context_;
  scope.dependencies = &dependencies_;
  scope.settings = std::make_shared<const QuerySettings>(context_->settings());
  return scope;
}

PlanPtr Planner::PlanQuery(const sql::Query& query) { return PlanQuery(query, TopScope()); }

PlannerScope Planner::Enter(const sql::Query& query, const PlannerScope& outer) {
  PlannerScope scope = outer;
  if (++scope.depth > kSubqueryDepthMax) {
    throw Error(ErrorCode::kTooDeepRecursion,
                "Subqueries are nested more than " + std::to_string(kSubqueryDepthMax) + " deep");
  }
  CheckStack();
  CountExpanded(query, scope);
  return scope;
}

Source Planner::PlanSource(const sql::Query& query, const PlannerScope& outer) {
  if (query.selects.size() > 1) return SourceOf(PlanQuery(query, outer));
  const PlannerScope scope = Enter(query, outer);
  Source source = SelectPlanner(query.selects.front(), this, scope).PlanSource();
  context_->ChargePlan(kCopiesOfName * LongNameBytes(source.columns));
  return source;
}

SubqueryResult Planner::RunSubquery(const sql::Query& query, const PlannerScope& scope) {
  dependencies_.has_subqueries = true;
  std::string text = "(" + sql::FormatQuery(query) + ")";
  std::vector<RanSubquery>& known = subqueries_[text];
  for (const RanSubquery& ran : known) {
    const bool is_same = ran.common_tables == scope.common_tables &&
                         ran.expressions == scope.expressions && ran.settings == scope.settings;
    if (is_same) return ran.result;
  }
  Block rows = RunToBlock(*PlanQuery(query, scope), *context_);
  // The same words where names mean something else are another subquery.
  if (!known.empty()) text += " #" + std::to_string(known.size() + 1);
  known.push_back({scope.common_tables, scope.expressions, scope.settings,
                   SubqueryResult{std::move(rows), std::move(text)}});
  return known.back().result;
}

PlanPtr Planner::PlanQuery(const sql::Query& query, const PlannerScope& outer) {
  const PlannerScope scope = Enter(query, outer);
  std::vector<PlanPtr> plans;
  for (const sql::Select& select : query.selects) {
    plans.push_back(SelectPlanner(select, this, scope).Plan());
  }
  context_->ChargePlan(kCopiesOfName * LongNameBytes(plans.front()->header()));
  if (plans.size() == 1) return plans.front();
  const Header header = CommonHeader(plans);
  for (PlanPtr& plan : plans) plan = ConvertTo(header, std::move(plan));
  PlanPtr all = std::make_shared<UnionStep>(header, std::move(plans));
  if (!query.union_distinct) return all;
  std::vector<std::string> names;
  for (const HeaderColumn& column : header) names.push_back(column.name);
  return std::make_shared<DistinctStep>(std::move(all), std::move(names));
}

// A statement that is much too large is refused before any of it has been planned: freeing half a
// million elements of a plan takes longer than a cancelled statement should.
void Planner::CountExpanded(const sql::Query& query, const PlannerScope& scope) {
  context_->task().CheckCancelled();
  const size_t max = scope.settings->max_expanded_ast_elements;
  const bool is_top = scope.depth == 1;
  if (is_top && max != 0 && ExpandedFrom(max, context_, scope.views).Count(query) > max) {
    ThrowTooManyElements(max);
  }
  const size_t elements = CountOwnElements(query);
  expanded_ += elements;
  if (max != 0 && expanded_ > max) ThrowTooManyElements(max);
  context_->ChargePlan(elements * kPlanBytesPerElement);
}

size_t Planner::passing_bytes() const { return expanded_ * kPassingBytesPerElement; }

Header Planner::DescribeSource(const sql::TableExpression& source) {
  return ResolveSource(source, *this, TopScope(), /*is_alone=*/true).columns;
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

TypedValue EvaluateForPlan(const sql::Expr& expr, const ExpressionScope& scope,
                           PlanDependencies& dependencies) {
  const CompiledExpressionPtr compiled = CompileExpression(expr, scope);
  dependencies.Add(*compiled);
  return EvaluateConstant(*compiled);
}

uint64_t EvaluateLimit(const sql::Expr& expr, const ExpressionScope& scope,
                       PlanDependencies& dependencies) {
  const TypedValue limit = EvaluateForPlan(expr, scope, dependencies);
  if (limit.value.is_uint()) return limit.value.as_uint();
  if (limit.value.is_int() && limit.value.as_int() >= 0) {
    return static_cast<uint64_t>(limit.value.as_int());
  }
  throw Error(
      ErrorCode::kInvalidLimitExpression,
      "LIMIT and OFFSET take an integer of at least 0, not " + ValueToSql(limit.value, limit.type));
}

}  // namespace granary
