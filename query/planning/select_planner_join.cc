// Nearest-neighbour joins.
#include <algorithm>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/expressions/predicate_lowering.h"
#include "granary/query/planning/select_planner.h"
#include "granary/query/planning/select_planner_parts.h"

namespace granary {
namespace {

// The conditions that AND combines.
std::vector<sql::ExprPtr> Conjuncts(const sql::ExprPtr& condition) {
  const auto* function = sql::As<sql::Function>(*condition);
  if (function == nullptr || function->name != "and") return {condition};
  std::vector<sql::ExprPtr> all;
  for (const sql::ExprPtr& argument : function->arguments) {
    for (const sql::ExprPtr& part : Conjuncts(argument)) all.push_back(part);
  }
  return all;
}

}  // namespace

void SelectPlanner::GroupByVector() {
  if (select_.limit_by) ThrowNoJoin("there is LIMIT BY");
  if (!limit_.limit) ThrowNoJoin("there is no LIMIT");
  if (select_.with_ties) ThrowNoJoin("there is WITH TIES");
  limit_by_.push_back(Compile(*ColumnNamed(kVectorNumber)));
  group_limit_ = std::exchange(limit_, RowLimit{});
}

void SelectPlanner::CompileJoinFilter(const sql::ExprPtr& condition) {
  std::array<sql::ExprPtr, 2>& of_side = side_conditions_;
  for (const sql::ExprPtr& part : Conjuncts(condition)) {
    const std::vector<std::string> columns = Compile(*part, true)->required_columns();
    if (joined_->AreAllFrom(0, columns)) {
      of_side[0] = Both(of_side[0], part);
    } else if (joined_->AreAllFrom(1, columns)) {
      of_side[1] = Both(of_side[1], part);
    } else {
      pair_condition_ = Both(pair_condition_, part);
    }
  }
  const ExpressionScope whole = scope_;
  for (size_t side = 0; side < of_side.size(); ++side) {
    if (!of_side[side]) continue;
    scope_ = ScopeOfSide(side);
    side_filters_[side].condition = Compile(*of_side[side], true);
    side_filters_[side].predicate = LowerPredicate(*side_filters_[side].condition);
    scope_ = whole;
  }
}

void SelectPlanner::CompilePairFilter() {
  if (!pair_condition_) return;
  join_.pairs = Compile(*pair_condition_, true);
  join_.filtered_pairs = Compile(*Both(side_conditions_[searched_side_], pair_condition_), true);
  for (const std::string& column : join_.filtered_pairs->required_columns()) {
    if (joined_->SideOf(column) != searched_side_) continue;
    join_.pair_columns[column] = joined_->NameIn(column);
  }
}

std::string SelectPlanner::FindJoinShape() {
  if (is_aggregated_) return "the same SELECT aggregates rows";
  if (select_.distinct) return "there is DISTINCT";
  if (limit_by_.empty()) return "there is no LIMIT k BY a column that tells the query rows apart";
  if (sort_expressions_.empty()) return "there is no ORDER BY a distance";
  const CompiledExpressionPtr& distance = sort_expressions_.back();
  for (size_t key = 0; key + 1 < sort_expressions_.size(); ++key) {
    const bool is_group = std::any_of(limit_by_.begin(), limit_by_.end(), [&](const auto& group) {
      return group->text() == sort_expressions_[key]->text();
    });
    if (!is_group) return "ORDER BY has other keys than those of LIMIT BY and, last, a distance";
  }
  const ExpressionNode& root = *distance->root();
  const std::optional<DistanceFunction> function = root.kind() == ExpressionNode::Kind::kCall
                                                       ? DistanceFunctionNamed(root.name())
                                                       : std::nullopt;
  if (!function) return "the last key of ORDER BY is no distance";

  std::set<std::string> groups;
  AddRequired(limit_by_, groups);
  const std::vector<std::string> group_columns(groups.begin(), groups.end());
  if (group_columns.empty()) return "LIMIT BY names no column";
  const size_t input_side = joined_->SideOf(group_columns.front());
  if (!joined_->AreAllFrom(input_side, group_columns))
    return "LIMIT BY names columns of both sides";
  searched_side_ = 1 - input_side;
  if (!joined_->side(searched_side_).table) {
    return "the side that LIMIT BY does not name, whose rows would be searched, is no stored table";
  }
  for (const size_t argument : {0, 1}) {
    const ExpressionNode& column = *root.arguments()[argument];
    const ExpressionNodePtr& vector = root.arguments()[1 - argument];
    if (column.kind() != ExpressionNode::Kind::kColumn || !column.type().is_float_array()) continue;
    if (joined_->SideOf(column.name()) != searched_side_) continue;
    if (!joined_->AreAllFrom(input_side, vector->required_columns())) continue;
    join_.vector_column = joined_->NameIn(column.name());
    join_.vector = std::make_shared<CompiledExpression>(vector, distance->slots());
  }
  if (!join_.vector) {
    return "the distance is not that of a vector column of the side that LIMIT BY does not name to "
           "an expression over the other side";
  }
  const SortKey& key = sort_keys_.back();
  if (key.nulls_first) return "NULLS FIRST asks for the rows without a distance";
  if (key.descending != (*function == DistanceFunction::kDotProduct)) {
    return key.descending ? "DESC asks for the farthest rows"
                          : "dotProduct is searched with DESC: the largest is nearest";
  }
  join_.function = *function;
  join_.distance = distance;
  return {};
}

void SelectPlanner::MatchJoin() {
  const std::string reason = FindJoinShape();
  if (!reason.empty()) ThrowNoJoin(reason);
  join_.table = joined_->side(searched_side_).table;
  join_.count = SaturatingAdd(*group_limit_.limit, group_limit_.offset);
  join_.filter = side_filters_[searched_side_];
  CompilePairFilter();
  const PartSetPtr parts = outer_.context->Parts(*join_.table);
  const NeighborShape shape{.function = join_.function, .column = join_.vector_column};
  const VectorIndexChoice choice =
      ChooseVectorIndex(*parts, shape, join_.count, join_.filter.condition.get(), *outer_.settings);
  if (choice.index != nullptr) join_.index_name = choice.index->declaration.name;
  join_.reason = choice.reason;
  const std::string& text = join_.distance->text();
  scope_.computed.emplace(text, ScopeColumn{text, join_.distance->type()});
}

PlanPtr SelectPlanner::ReadJoin() {
  std::set<std::string> names;
  AddRequired(outputs_, names);
  AddRequired(limit_by_, names);
  AddRequired(sort_expressions_, names);
  AddRequired(std::vector{join_.vector}, names);
  std::set<std::string> input_names = names;
  if (join_.pairs) AddRequired(std::vector{join_.pairs}, input_names);
  Header input_columns;
  for (const HeaderColumn& column : source_.columns) {
    const NeighborJoin::Column joined{column.name, joined_->NameIn(column.name), column.type};
    if (joined_->SideOf(column.name) == searched_side_) {
      if (names.count(column.name) != 0) join_.table_columns.push_back(joined);
    } else if (input_names.count(column.name) != 0) {
      join_.input_columns.push_back(joined);
      input_columns.push_back({joined.from, joined.type});
    }
  }
  const Source& input = joined_->side(1 - searched_side_);
  const RowFilter& filter = side_filters_[1 - searched_side_];
  PlanPtr plan = input.plan;
  if (input.table) {
    // Indexes that must be used are those of the table searched.
    auto settings = std::make_shared<QuerySettings>(*outer_.settings);
    settings->force_data_skipping_indices.clear();
    plan = std::make_shared<ScanStep>(input.table, std::move(input_columns), filter,
                                      std::move(settings), std::vector<std::string>{});
  } else if (filter.condition) {
    plan = std::make_shared<FilterStep>(plan, filter.condition, "WHERE");
  }
  return std::make_shared<NeighborJoinStep>(std::move(plan), std::move(join_), outer_.settings);
}

}  // namespace granary
