// How the rows are read: which columns, in which order, by a search or not.
#include <algorithm>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/expressions/predicate_lowering.h"
#include "granary/query/planning/select_planner.h"
#include "granary/query/planning/select_planner_parts.h"
#include "granary/query/steps/neighbor_step.h"
#include "granary/query/steps/top_rows.h"

namespace granary {
namespace {

// Whether the condition is an upper bound of the distance, or a lower bound if larger is nearer.
bool BoundsDistance(const ExpressionNode& condition, const std::string& distance,
                    bool larger_is_nearer) {
  for (const bool distance_first : {true, false}) {
    const bool needs_less = distance_first != larger_is_nearer;
    const bool is_bound =
        needs_less ? condition.IsCallOf("less") || condition.IsCallOf("lessOrEquals")
                   : condition.IsCallOf("greater") || condition.IsCallOf("greaterOrEquals");
    if (!is_bound) continue;
    const auto& arguments = condition.arguments();
    if (arguments[distance_first ? 0 : 1]->text() != distance) continue;
    if (arguments[distance_first ? 1 : 0]->kind() == ExpressionNode::Kind::kConstant) return true;
  }
  return false;
}

}  // namespace

std::optional<uint64_t> SelectPlanner::RowsWanted() const {
  if (!limit_.limit) return std::nullopt;
  return SaturatingAdd(*limit_.limit, limit_.offset);
}

NeighborContext SelectPlanner::ContextForNeighbors() const {
  NeighborContext context;
  context.sort_keys = select_.order_by_all ? items_.size() : select_.order_by.size();
  context.descending = sort_keys_.front().descending;
  context.nulls_first = sort_keys_.front().nulls_first;
  context.rows_wanted = RowsWanted();
  context.with_ties = select_.with_ties;
  context.limit_by = select_.limit_by.has_value();
  context.distinct = select_.distinct;
  context.aggregated = is_aggregated_;
  return context;
}

void SelectPlanner::MatchNeighbors() {
  if (!source_.table) return;
  const CompiledExpressionPtr& distance = sort_expressions_.front();
  NeighborMatch match = MatchNeighborSearch(distance, ContextForNeighbors());
  const PartSetPtr parts = outer_.context->Parts(*source_.table);
  if (!match.shape) {
    if (!match.reason.empty() && HasVectorIndex(*parts)) {
      notes_.push_back("Vector index: not used, " + match.reason);
    }
    return;
  }
  SplitRange(*match.shape);
  const VectorIndexChoice choice = ChooseVectorIndex(*parts, *match.shape, *RowsWanted(),
                                                     filter_.condition.get(), *outer_.settings);
  neighbors_ = std::move(match.shape);
  if (choice.index != nullptr) {
    neighbor_index_ = choice.index->declaration.name;
  } else {
    notes_.push_back(choice.reason);
  }
  scope_.computed.emplace(distance->text(), ScopeColumn{distance->text(), distance->type()});
}

void SelectPlanner::SplitRange(const NeighborShape& shape) {
  if (!filter_.condition) return;
  const std::string& distance = shape.distance->text();
  std::vector<CompiledExpressionPtr> range, rest;
  for (const CompiledExpressionPtr& condition : ConjunctsOf(*filter_.condition)) {
    const bool is_range = BoundsDistance(*condition->root(), distance, shape.larger_is_nearer());
    (is_range ? range : rest).push_back(condition);
  }
  if (range.empty()) return;
  SetFilter(rest);
  range_ = ReadComputed(*CombineByAnd(range, scope_.context),
                        {{distance, {distance, shape.distance->type()}}}, scope_.context);
}

Header SelectPlanner::NeededColumns() const {
  std::set<std::string> names;
  if (is_aggregated_) {
    for (const Projection& key : keys_) AddRequired(std::vector{key.expression}, names);
    for (const AggregateCall& call : calls_) AddRequired(call.arguments, names);
  } else {
    AddRequired(outputs_, names);
    AddRequired(limit_by_, names);
    if (!is_sorted_) AddRequired(sort_expressions_, names);
  }
  Header header;
  for (const HeaderColumn& column : source_.stored) {
    if (names.count(column.name) != 0) header.push_back(column);
  }
  return header;
}

bool SelectPlanner::WantsTopRows() const {
  // Of many rows, reading their other columns one by one costs more than reading them all.
  constexpr uint64_t kTopRowsMax = 10000;
  if (sort_keys_.empty() || is_aggregated_ || select_.distinct || select_.with_ties) return false;
  if (!limit_by_.empty() || !RowsWanted() || *RowsWanted() > kTopRowsMax) return false;
  return std::all_of(sort_expressions_.begin(), sort_expressions_.end(), [](const auto& key) {
    return key->root()->is_deterministic() && !key->required_columns().empty();
  });
}

PlanPtr SelectPlanner::ReadSource() {
  if (IsJoin()) return ReadJoin();
  if (!source_.table) {
    if (!filter_.condition) return source_.plan;
    return std::make_shared<FilterStep>(source_.plan, filter_.condition, "WHERE");
  }
  is_sorted_ = neighbors_ || WantsTopRows();
  Header header = NeededColumns();
  if (!neighbors_ && is_sorted_) {
    std::vector<TopRowsStep::Key> keys;
    for (size_t i = 0; i < sort_keys_.size(); ++i) {
      keys.push_back({sort_expressions_[i], sort_keys_[i]});
    }
    return std::make_shared<TopRowsStep>(source_.table, std::move(header), filter_, std::move(keys),
                                         *RowsWanted(), outer_.settings, notes_);
  }
  if (!neighbors_) {
    return std::make_shared<ScanStep>(source_.table, std::move(header), filter_, outer_.settings,
                                      notes_);
  }
  header.push_back({neighbors_->distance->text(), neighbors_->distance->type()});
  return std::make_shared<NeighborStep>(
      source_.table, std::move(header), *neighbors_, *RowsWanted(), neighbor_index_,
      notes_.empty() ? "" : notes_.front(), filter_, range_, outer_.settings);
}

}  // namespace granary
