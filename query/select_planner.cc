#include "granary/query/select_planner.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "granary/query/aggregate.h"
#include "granary/query/neighbor_step.h"
#include "granary/query/predicate_lowering.h"
#include "granary/query/sql/format_ast.h"
#include "granary/query/statement_context.h"

namespace granary {
namespace {

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::shared_ptr<const QuerySettings> Changed(std::shared_ptr<const QuerySettings> settings,
                                             const std::vector<sql::SettingChange>& changes) {
  if (changes.empty()) return settings;
  auto changed = std::make_shared<QuerySettings>(*settings);
  for (const auto& change : changes) ApplySetting(*changed, change.name, change.value);
  return changed;
}

// a AND b, either of which may be null.
sql::ExprPtr Both(const sql::ExprPtr& a, const sql::ExprPtr& b) {
  if (!a || !b) return a ? a : b;
  auto both = std::make_shared<sql::Function>();
  both->name = "and";
  both->arguments = {a, b};
  return both;
}

uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max()
                                                      : a + b;
}

bool HasConstant(const ExpressionNode& node) {
  return node.kind() == ExpressionNode::Kind::kConstant || node.set() != nullptr ||
         std::any_of(node.arguments().begin(), node.arguments().end(),
                     [](const auto& argument) { return HasConstant(*argument); });
}

template <class Expressions>
void AddRequired(const Expressions& expressions, std::set<std::string>& names) {
  for (const auto& expression : expressions) {
    const auto& required = expression->required_columns();
    names.insert(required.begin(), required.end());
  }
}

}  // namespace

SelectPlanner::SelectPlanner(const sql::Select& select, Planner* planner, const PlannerScope& outer)
    : select_(select), planner_(planner), outer_(outer) {
  outer_.settings = Changed(outer_.settings, select.settings);
}

PlanPtr SelectPlanner::Plan() {
  ResolveNames();
  CompileFilter();
  CompileGroupBy();
  CompileOutput();
  PlanPtr plan = ReadSource();
  if (is_aggregated_) plan = AddAggregation(std::move(plan));
  return AddOutput(std::move(plan));
}

void SelectPlanner::ResolveNames() {
  for (const sql::WithItem& item : select_.with) {
    if (item.query) {
      outer_.common_tables.insert_or_assign(item.name, item.query);
    } else {
      outer_.expressions.insert_or_assign(item.name, item.expression);
    }
  }
  if (select_.from.size() > 1) {
    throw Error(ErrorCode::kNotImplemented,
                "JOIN is not implemented; read one table, or join the results in the application");
  }
  if (!select_.from.empty()) {
    source_ = ResolveSource(select_.from.front(), *planner_, outer_);
  } else {
    source_.plan = std::make_shared<BlockStep>(Header{}, Block(1), "ReadFromStorage (SystemOne)");
  }
  if (source_.table) {
    planner_->dependencies().tables.emplace_back(source_.table,
                                                 outer_.context->Parts(*source_.table)->schema);
  }
  for (const HeaderColumn& column : source_.columns) scope_.AddColumn(column.name, column.type);
  scope_.qualifiers = source_.qualifiers;
  scope_.aliases = outer_.expressions;
  scope_.parameters = &outer_.context->parameters();
  scope_.context = outer_.context->functions();
  scope_.run_subquery = [this](const sql::Query& query) {
    planner_->dependencies().has_subqueries = true;
    return RunToBlock(*planner_->PlanQuery(query, outer_), *outer_.context);
  };
  items_ = ExpandItems();
  for (const Item& item : items_) scope_.AddAliases(item.expression);
  for (const sql::ExprPtr& expr : {select_.prewhere, select_.where, select_.having}) {
    if (expr) scope_.AddAliases(expr);
  }
  for (const sql::ExprPtr& expr : select_.group_by) scope_.AddAliases(expr);
  for (const sql::OrderItem& item : select_.order_by) scope_.AddAliases(item.expression);
}

std::vector<SelectPlanner::Item> SelectPlanner::ExpandItems() const {
  std::vector<Item> items;
  for (const sql::ExprPtr& expr : select_.columns) {
    if (const auto* asterisk = sql::As<sql::Asterisk>(*expr)) {
      ExpandAsterisk(*asterisk, items);
    } else {
      items.push_back({expr, NameOf(*expr)});
    }
  }
  if (items.empty()) {
    throw Error(ErrorCode::kEmptyListOfColumns,
                "The SELECT list names no column; * needs a table in FROM with a column left");
  }
  return items;
}

void SelectPlanner::ExpandAsterisk(const sql::Asterisk& asterisk, std::vector<Item>& items) const {
  std::string qualifier;
  for (const std::string& part : asterisk.qualifier) {
    qualifier += (qualifier.empty() ? "" : ".") + part;
  }
  if (!qualifier.empty() && !Contains(source_.qualifiers, qualifier)) {
    throw Error(ErrorCode::kUnknownIdentifier, "'" + qualifier + ".*' names no table of FROM");
  }
  for (const HeaderColumn& column : source_.columns) {
    if (Contains(asterisk.except, column.name)) continue;
    auto identifier = std::make_shared<sql::Identifier>();
    identifier->parts = {column.name};
    items.push_back({std::move(identifier), column.name});
  }
}

std::string SelectPlanner::NameOf(const sql::Expr& expr) const {
  if (!expr.alias.empty()) return expr.alias;
  const auto* identifier = sql::As<sql::Identifier>(expr);
  if (identifier == nullptr || identifier->parts.size() < 2) return sql::ColumnName(expr);
  // t.column is shown as column, a column whose own name has a dot as it is.
  const std::string name = sql::ColumnName(expr);
  const bool is_column = std::any_of(source_.columns.begin(), source_.columns.end(),
                                     [&](const HeaderColumn& c) { return c.name == name; });
  return is_column ? name : identifier->parts.back();
}

sql::ExprPtr SelectPlanner::PositionOr(const sql::ExprPtr& expr, const char* clause) const {
  const auto* literal = sql::As<sql::Literal>(*expr);
  if (literal == nullptr || !literal->value.is_uint() || !literal->type.is_integer()) return expr;
  const uint64_t position = literal->value.as_uint();
  if (position >= 1 && position <= items_.size()) return items_[position - 1].expression;
  throw Error(ErrorCode::kBadArguments, std::string(clause) + " " + std::to_string(position) +
                                            " is no position in the SELECT list, which has " +
                                            std::to_string(items_.size()) + " columns");
}

CompiledExpressionPtr SelectPlanner::Compile(const sql::Expr& expr, bool is_condition) {
  parameter_log_.clear();
  Parameters logged = outer_.context->parameters();
  logged.set_log(&parameter_log_);
  scope_.parameters = &logged;
  CompiledExpressionPtr compiled =
      is_condition ? CompileCondition(expr, scope_) : CompileExpression(expr, scope_);
  scope_.parameters = &outer_.context->parameters();
  const bool may_hold_parameters = !parameter_log_.empty() && HasConstant(*compiled->root());
  if (may_hold_parameters) planner_->dependencies().parameters.merge(parameter_log_);
  return compiled;
}

void SelectPlanner::CompileFilter() {
  const sql::ExprPtr condition = Both(select_.prewhere, select_.where);
  if (!condition) return;
  filter_.condition = Compile(*condition, /*is_condition=*/true);
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
  if (select_.limit) limit_.limit = EvaluateLimit(*select_.limit, constants);
  if (select_.offset) limit_.offset = EvaluateLimit(*select_.offset, constants);

  std::vector<sql::OrderItem> order = select_.order_by;
  if (select_.order_by_all) {
    for (const Item& item : items_) order.push_back({.expression = item.expression});
  }
  for (const sql::OrderItem& item : order) {
    const auto parameters_before = planner_->dependencies().parameters;
    const CompiledExpressionPtr key = Compile(*PositionOr(item.expression, "ORDER BY"));
    sort_expressions_.push_back(key);
    sort_keys_.push_back({key->text(), item.descending, item.nulls_first});
    if (sort_expressions_.size() > 1) continue;
    MatchNeighbors();
    // The search looks its query vector up at each run.
    if (neighbors_ && !neighbors_->parameter.empty()) {
      planner_->dependencies().parameters = parameters_before;
    }
  }
  if (select_.having) having_ = Compile(*select_.having, /*is_condition=*/true);
  for (const Item& item : items_) outputs_.push_back(Compile(*item.expression));
  if (select_.limit_by) {
    for (const sql::ExprPtr& expr : select_.limit_by->columns) {
      limit_by_.push_back(Compile(*PositionOr(expr, "LIMIT BY")));
    }
  }
}

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

Header SelectPlanner::NeededColumns() const {
  std::set<std::string> names;
  if (is_aggregated_) {
    for (const Projection& key : keys_) AddRequired(std::vector{key.expression}, names);
    for (const AggregateCall& call : calls_) AddRequired(call.arguments, names);
  } else {
    AddRequired(outputs_, names);
    AddRequired(limit_by_, names);
    if (!neighbors_) AddRequired(sort_expressions_, names);
  }
  Header header;
  for (const HeaderColumn& column : source_.columns) {
    if (names.count(column.name) != 0) header.push_back(column);
  }
  return header;
}

PlanPtr SelectPlanner::ReadSource() {
  if (!source_.table) {
    if (!filter_.condition) return source_.plan;
    return std::make_shared<FilterStep>(source_.plan, filter_.condition, "WHERE");
  }
  Header header = NeededColumns();
  if (!neighbors_) {
    return std::make_shared<ScanStep>(source_.table, std::move(header), filter_, outer_.settings,
                                      notes_);
  }
  header.push_back({neighbors_->distance->text(), neighbors_->distance->type()});
  return std::make_shared<NeighborStep>(
      source_.table, std::move(header), *neighbors_, *RowsWanted(), neighbor_index_,
      notes_.empty() ? "" : notes_.front(), filter_, outer_.settings);
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
  if (!neighbors_) {
    for (const auto& expression : sort_expressions_) project(expression);
  }
  plan = std::make_shared<ProjectStep>(std::move(plan), std::move(columns), "Before ORDER BY");
  if (select_.distinct) plan = std::make_shared<DistinctStep>(std::move(plan), selected);
  if (!sort_keys_.empty() && !neighbors_) {
    const bool cuts_early = !select_.limit_by && !select_.with_ties;
    plan = std::make_shared<SortStep>(std::move(plan), sort_keys_,
                                      cuts_early ? RowsWanted() : std::nullopt);
  }
  if (select_.limit_by) {
    RowLimit limit{.offset = 0, .limit = EvaluateLimit(*select_.limit_by->limit, scope_)};
    if (select_.limit_by->offset) limit.offset = EvaluateLimit(*select_.limit_by->offset, scope_);
    plan = std::make_shared<LimitByStep>(std::move(plan), limit, std::move(limit_by));
  }
  if (limit_.limit || limit_.offset > 0) {
    plan = std::make_shared<LimitStep>(std::move(plan), limit_,
                                       select_.with_ties ? sort_keys_ : std::vector<SortKey>{});
  }
  return std::make_shared<RenameStep>(std::move(plan), std::move(names));
}

}  // namespace granary
