// What a SELECT binds, and the steps above those that read.
#include "granary/query/planning/select_planner.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/expressions/predicate_lowering.h"
#include "granary/query/planning/select_planner_parts.h"
#include "granary/query/steps/aggregate.h"

namespace granary {
namespace {

std::shared_ptr<const QuerySettings> Changed(std::shared_ptr<const QuerySettings> settings,
                                             const std::vector<sql::SettingChange>& changes) {
  if (changes.empty()) return settings;
  auto changed = std::make_shared<QuerySettings>(*settings);
  for (const auto& change : changes) ApplySetting(*changed, change.name, change.value);
  return changed;
}

}  // namespace

SelectPlanner::SelectPlanner(const sql::Select& select, Planner* planner, const PlannerScope& outer)
    : select_(select), planner_(planner), outer_(outer) {
  outer_.settings = Changed(outer_.settings, select.settings);
  if (outer_.depth <= 1) matrix_ = outer_.context->parameters().matrix();
}

void SelectPlanner::Bind() {
  ResolveNames();
  CompileFilter();
  CompileGroupBy();
  CompileOutput();
}

PlanPtr SelectPlanner::Plan() {
  Bind();
  return MakePlan();
}

Source SelectPlanner::PlanSource() {
  Bind();
  if (!OnlyComputesColumns()) return SourceOf(MakePlan());
  Source source;
  source.table = source_.table;
  source.stored = source_.stored;
  source.filter = filter_;
  for (size_t item = 0; item < items_.size(); ++item) {
    const CompiledExpressionPtr& output = outputs_[item];
    source.columns.push_back({items_[item].name, output->type()});
    source.definitions.emplace(items_[item].name, output);
  }
  return source;
}

bool SelectPlanner::OnlyComputesColumns() const {
  // What is read at several places is written out at each: a + a of a + a of ... would explode.
  constexpr size_t kTextBytesMax = 64 << 10;
  const bool does_more = is_aggregated_ || select_.distinct || !sort_keys_.empty() ||
                         !limit_by_.empty() || limit_.limit || limit_.offset > 0 ||
                         !select_.settings.empty();
  if (!source_.table || does_more) return false;
  size_t bytes = 0;
  for (const CompiledExpressionPtr& output : outputs_) {
    if (!output->root()->is_deterministic()) return false;
    bytes += output->text().size();
  }
  return bytes <= kTextBytesMax;
}

PlanPtr SelectPlanner::MakePlan() {
  PlanPtr plan = ReadSource();
  if (is_aggregated_) plan = AddAggregation(std::move(plan));
  return AddOutput(std::move(plan));
}

CompiledExpressionPtr SelectPlanner::Compile(const sql::Expr& expr, bool is_condition) {
  CompiledExpressionPtr compiled =
      is_condition ? CompileCondition(expr, scope_) : CompileExpression(expr, scope_);
  outer_.dependencies->Add(*compiled);
  return compiled;
}

sql::ExprPtr SelectPlanner::Condition() const {
  const sql::ExprPtr where = Both(select_.prewhere, select_.where);
  return select_.from.size() == 2 ? Both(select_.from.back().join.on, where) : where;
}

void SelectPlanner::CompileFilter() {
  filter_ = source_.filter;
  const sql::ExprPtr condition = Condition();
  if (!condition) return;
  if (IsJoin()) return CompileJoinFilter(condition);
  std::vector<CompiledExpressionPtr> conditions;
  if (filter_.condition) conditions.push_back(filter_.condition);
  conditions.push_back(Compile(*condition, /*is_condition=*/true));
  SetFilter(conditions);
}

void SelectPlanner::SetFilter(const std::vector<CompiledExpressionPtr>& conditions) {
  filter_ = {};
  if (conditions.empty()) return;
  filter_.condition = CombineByAnd(conditions, scope_.context);
  filter_.predicate = LowerPredicate(*filter_.condition);
}

bool SelectPlanner::IsAggregated() const {
  if (!select_.group_by.empty() || select_.group_by_all || select_.having) return true;
  const auto aggregates = [&](const sql::ExprPtr& expr) {
    return ContainsAggregate(*expr, scope_);
  };
  return std::any_of(items_.begin(), items_.end(),
                     [&](const Item& item) { return aggregates(item.expression); }) ||
         std::any_of(select_.order_by.begin(), select_.order_by.end(),
                     [&](const sql::OrderItem& item) { return aggregates(item.expression); });
}

void SelectPlanner::CompileGroupBy() {
  is_aggregated_ = IsAggregated();
  if (!is_aggregated_) return;
  std::vector<sql::ExprPtr> keys;
  for (const sql::ExprPtr& expr : select_.group_by) keys.push_back(PositionOr(expr, "GROUP BY"));
  if (select_.group_by_all) {
    for (const Item& item : items_) {
      if (!ContainsAggregate(*item.expression, scope_)) keys.push_back(item.expression);
    }
  }
  for (const sql::ExprPtr& key : keys) {
    CompiledExpressionPtr compiled = Compile(*key);
    const std::string& text = compiled->text();
    if (scope_.computed.count(text) != 0) continue;
    keys_.push_back({text, compiled});
  }
  for (const Projection& key : keys_) {
    scope_.computed.emplace(key.name, ScopeColumn{key.name, key.expression->type()});
  }
  scope_.aggregates = &calls_;
}

void SelectPlanner::CompileOutput() {
  ExpressionScope constants = scope_;
  constants.aggregates = nullptr;
  if (select_.limit) limit_.limit = EvaluateLimit(*select_.limit, constants, *outer_.dependencies);
  if (select_.offset)
    limit_.offset = EvaluateLimit(*select_.offset, constants, *outer_.dependencies);

  std::vector<sql::OrderItem> order = select_.order_by;
  if (select_.order_by_all) {
    for (const Item& item : items_) order.push_back({.expression = item.expression});
  }
  if (matrix_) order.insert(order.begin(), {.expression = ColumnNamed(kVectorNumber)});
  for (const sql::OrderItem& item : order) {
    const auto parameters_before = planner_->dependencies().parameters;
    const CompiledExpressionPtr key = Compile(*PositionOr(item.expression, "ORDER BY"));
    sort_expressions_.push_back(key);
    sort_keys_.push_back({key->text(), item.descending, item.nulls_first});
    if (sort_expressions_.size() > 1 || IsJoin()) continue;
    MatchNeighbors();
    // The search looks its query vector up at each run.
    if (neighbors_ && !neighbors_->parameter.empty()) {
      planner_->dependencies().parameters = parameters_before;
    }
  }
  if (select_.limit_by) {
    for (const sql::ExprPtr& expr : select_.limit_by->columns) {
      limit_by_.push_back(Compile(*PositionOr(expr, "LIMIT BY")));
    }
    group_limit_.limit = EvaluateLimit(*select_.limit_by->limit, constants, *outer_.dependencies);
    if (select_.limit_by->offset) {
      group_limit_.offset =
          EvaluateLimit(*select_.limit_by->offset, constants, *outer_.dependencies);
    }
  }
  if (matrix_) GroupByVector();
  if (IsJoin()) {
    MatchJoin();
    // The join computes the distance.
    sort_expressions_.back() = Compile(*PositionOr(order.back().expression, "ORDER BY"));
  }
  if (matrix_) items_.insert(items_.begin(), {ColumnNamed(kVectorNumber), "query"});
  if (select_.having) having_ = Compile(*select_.having, /*is_condition=*/true);
  for (const Item& item : items_) outputs_.push_back(Compile(*item.expression));
}

PlanPtr SelectPlanner::AddAggregation(PlanPtr plan) {
  plan = std::make_shared<AggregateStep>(std::move(plan), keys_, calls_);
  if (having_) plan = std::make_shared<FilterStep>(std::move(plan), having_, "HAVING");
  return plan;
}

PlanPtr SelectPlanner::AddOutput(PlanPtr plan) {
  std::vector<Projection> columns;
  std::set<std::string> projected;
  const auto project = [&](const CompiledExpressionPtr& expression) {
    if (projected.insert(expression->text()).second) {
      columns.push_back({expression->text(), expression});
    }
    return expression->text();
  };
  std::vector<RenameStep::Column> names;
  std::vector<std::string> selected;
  for (size_t item = 0; item < items_.size(); ++item) {
    selected.push_back(project(outputs_[item]));
    names.push_back({selected.back(), items_[item].name});
  }
  std::vector<std::string> limit_by;
  for (const auto& expression : limit_by_) limit_by.push_back(project(expression));
  if (!is_sorted_) {
    for (const auto& expression : sort_expressions_) project(expression);
  }
  plan = std::make_shared<ProjectStep>(std::move(plan), std::move(columns), "Before ORDER BY");
  if (select_.distinct) plan = std::make_shared<DistinctStep>(std::move(plan), selected);
  if (!sort_keys_.empty() && !is_sorted_) {
    const bool cuts_early = limit_by_.empty() && !select_.with_ties;
    plan = std::make_shared<SortStep>(std::move(plan), sort_keys_,
                                      cuts_early ? RowsWanted() : std::nullopt);
  }
  if (!limit_by_.empty()) {
    plan = std::make_shared<LimitByStep>(std::move(plan), group_limit_, std::move(limit_by));
  }
  if (limit_.limit || limit_.offset > 0) {
    plan = std::make_shared<LimitStep>(std::move(plan), limit_,
                                       select_.with_ties ? sort_keys_ : std::vector<SortKey>{});
  }
  return std::make_shared<RenameStep>(std::move(plan), std::move(names));
}

}  // namespace granary
