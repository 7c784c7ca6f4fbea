#include "granary/query/planning/select_planner.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/expressions/predicate_lowering.h"
#include "granary/query/sql/format_ast.h"
#include "granary/query/steps/aggregate.h"
#include "granary/query/steps/neighbor_step.h"
#include "granary/query/steps/top_rows.h"

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

uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max()
                                                      : a + b;
}

// Of the vectors that are joined; not what a column of a table is called.
constexpr const char* kVectorNumber = "#query";
constexpr const char* kVector = "#vector";

// The vectors of a parameter and their numbers.
class MatrixStep final : public PlanStep {
 public:
  explicit MatrixStep(std::string parameter)
      : PlanStep({{kVectorNumber, TypeId::kUInt64}, {kVector, DataType::Array(TypeId::kFloat32)}}),
        parameter_(std::move(parameter)) {}

  BlockStreamPtr Open(StatementContext& context) const override {
    const ColumnPtr vectors = context.parameters().MatrixRows(parameter_);
    std::vector<uint64_t> numbers(vectors->size());
    std::iota(numbers.begin(), numbers.end(), uint64_t{0});
    Block block(vectors->size());
    block.Add(kVectorNumber,
              std::make_shared<NumberColumn<uint64_t>>(TypeId::kUInt64, std::move(numbers)));
    block.Add(kVector, vectors);
    std::vector<Block> blocks;
    if (block.rows() > 0) blocks.push_back(std::move(block));
    return std::make_unique<StoredStream>(std::move(blocks));
  }
  StepDescription Describe(StatementContext&, bool) const override {
    return {"ReadFromParameter", {"Parameter: " + parameter_}, {}};
  }

 private:
  const std::string parameter_;
};

sql::ExprPtr ColumnNamed(const std::string& name) {
  auto column = std::make_shared<sql::Identifier>();
  column->parts = {name};
  return column;
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

void SelectPlanner::ResolveNames() {
  for (const sql::WithItem& item : select_.with) {
    if (item.query) {
      outer_.common_tables.insert_or_assign(item.name, item.query);
    } else {
      outer_.expressions.insert_or_assign(item.name, item.expression);
    }
  }
  ResolveSources();
  for (const HeaderColumn& column : source_.columns) scope_.AddColumn(column.name, column.type);
  scope_.qualifiers = source_.qualifiers;
  scope_.definitions = source_.definitions;
  if (joined_) scope_.qualified = joined_->qualified();
  if (matrix_) {
    scope_.parameter_columns.emplace(*matrix_, ScopeColumn{kVector, joined_->columns()[1].type});
  }
  scope_.aliases = outer_.expressions;
  scope_.parameters = &outer_.context->parameters();
  scope_.elements_max = outer_.settings->max_expanded_ast_elements;
  scope_.context = outer_.context->functions();
  scope_.run_subquery = [this](const sql::Query& query) {
    return planner_->RunSubquery(query, outer_);
  };
  items_ = ExpandItems();
  for (const Item& item : items_) scope_.AddAliases(item.expression);
  for (const sql::ExprPtr& expr : {Condition(), select_.having}) {
    if (expr) scope_.AddAliases(expr);
  }
  for (const sql::ExprPtr& expr : select_.group_by) scope_.AddAliases(expr);
  for (const sql::OrderItem& item : select_.order_by) scope_.AddAliases(item.expression);
}

void SelectPlanner::ThrowNoJoin(const std::string& reason) const {
  if (matrix_) {
    throw Error(ErrorCode::kNotImplemented,
                "The query parameter '" + *matrix_ +
                    "' has many vectors, which are for a search: SELECT ... FROM t ORDER BY "
                    "L2Distance(t.v, {" +
                    *matrix_ + ":Array(Float32)}) LIMIT k. This query is none: " + reason);
  }
  throw Error(
      ErrorCode::kNotImplemented,
      "Of joins there is the nearest-neighbour join: SELECT ... FROM queries AS q CROSS JOIN "
      "t ORDER BY L2Distance(t.v, q.v) LIMIT k BY q.id, and any SELECT of a table beside a source "
      "of "
      "one row. This query is neither: " +
          reason + ". Read one table, or join the results in the application");
}

Source SelectPlanner::MatrixSource() const {
  Source source;
  source.plan = std::make_shared<MatrixStep>(*matrix_);
  source.columns = source.plan->header();
  return source;
}

void SelectPlanner::ResolveSources() {
  if (matrix_) {
    if (select_.from.size() != 1) ThrowNoJoin("FROM is not one table");
  }
  if (select_.from.size() > 2) ThrowNoJoin("there are more than two tables in FROM");
  if (select_.from.size() == 2) {
    const sql::Join& join = select_.from.back().join;
    const bool is_inner = join.kind == sql::JoinKind::kComma ||
                          join.kind == sql::JoinKind::kCross ||
                          (join.kind == sql::JoinKind::kInner && join.on);
    if (!is_inner || join.strictness != sql::JoinStrictness::kAll) {
      ThrowNoJoin(
          "its tables are joined neither by CROSS JOIN or a comma nor by INNER JOIN ... ON");
    }
  }
  std::vector<Source> sources;
  if (matrix_) sources.push_back(MatrixSource());
  for (const sql::TableExpression& table : select_.from) {
    const bool is_alone = !matrix_ && select_.from.size() == 1;
    sources.push_back(ResolveSource(table, *planner_, outer_, is_alone));
    if (const TablePtr& stored = sources.back().table) {
      planner_->dependencies().tables.emplace_back(stored, outer_.context->Parts(*stored)->schema);
    }
  }
  if (sources.empty()) {
    source_.plan = std::make_shared<BlockStep>(Header{}, Block(1), "ReadFromStorage (SystemOne)");
  } else if (sources.size() == 1) {
    source_ = std::move(sources.front());
  } else {
    joined_.emplace(std::move(sources[0]), std::move(sources[1]));
    source_.columns = joined_->columns();
    if (!matrix_ && !select_.limit_by) FindSideOfOneRow();
  }
}

// Nothing if the side may have many rows; of more than one, two.
std::optional<Block> SelectPlanner::ReadSideOfOneRow(const Source& side) {
  PlanPtr plan = side.plan;
  if (side.table) {
    if (outer_.context->Parts(*side.table)->live_rows() > 1) return std::nullopt;
    plan = std::make_shared<ScanStep>(side.table, side.stored, RowFilter{}, outer_.settings,
                                      std::vector<std::string>{});
  }
  outer_.dependencies->has_subqueries = true;
  const LimitStep at_most_two(std::move(plan), RowLimit{.limit = 2});
  return RunToBlock(at_most_two, *outer_.context);
}

// Beside one row, a table is read like any other: the columns of the row are constants.
void SelectPlanner::FindSideOfOneRow() {
  for (const size_t side : {1, 0}) {
    const std::optional<Block> row = ReadSideOfOneRow(joined_->side(side));
    if (!row || row->rows() > 1) continue;
    has_one_row_side_ = true;
    if (row->rows() == 0) {
      source_.plan = std::make_shared<BlockStep>(source_.columns, Block(0), "ReadFromNothing");
      return;
    }
    source_ = joined_->side(1 - side);
    source_.columns = joined_->columns();
    source_.qualifiers.clear();
    for (const HeaderColumn& column : source_.columns) {
      const std::string& name = joined_->NameIn(column.name);
      if (joined_->SideOf(column.name) != side) {
        source_.definitions.emplace(column.name, ColumnExpression(name, column.type));
        continue;
      }
      source_.definitions.emplace(column.name, ConstantExpression(row->Get(name)->Materialize(),
                                                                  "row(" + column.name + ")"));
    }
    return;
  }
}

ExpressionScope SelectPlanner::ScopeOfSide(size_t side) const {
  ExpressionScope scope = scope_;
  scope.columns.clear();
  scope.qualified.clear();
  for (const HeaderColumn& column : joined_->side(side).columns) {
    scope.AddColumn(column.name, column.type);
  }
  scope.qualifiers = joined_->side(side).qualifiers;
  return scope;
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
  Header columns = matrix_ ? joined_->ColumnsOf(1) : source_.columns;
  bool is_known = qualifier.empty() || Contains(source_.qualifiers, qualifier);
  if (joined_ && !qualifier.empty()) {
    const std::optional<size_t> side = joined_->FindSide(qualifier);
    is_known = side.has_value();
    if (side) columns = joined_->ColumnsOf(*side);
  }
  if (!is_known) {
    throw Error(ErrorCode::kUnknownIdentifier, "'" + qualifier + ".*' names no table of FROM");
  }
  for (const HeaderColumn& column : columns) {
    if (Contains(asterisk.except, column.name)) continue;
    if (joined_ && Contains(asterisk.except, joined_->NameIn(column.name))) continue;
    items.push_back({ColumnNamed(column.name), column.name});
  }
}

std::string SelectPlanner::NameOf(const sql::Expr& expr) const {
  if (!expr.alias.empty()) return expr.alias;
  return sql::ResultName(
      expr, [this](const sql::Identifier& identifier) { return ShownName(identifier); });
}

std::string SelectPlanner::ShownName(const sql::Identifier& identifier) const {
  std::string name;
  for (const std::string& part : identifier.parts) name += (name.empty() ? "" : ".") + part;
  if (identifier.parts.size() == 1) return name;
  // t.column is shown as column, a column whose own name has a dot as it is.
  const auto qualified = scope_.qualified.find(name);
  if (qualified != scope_.qualified.end()) return qualified->second;
  const auto is_column = [&](const std::string& candidate) {
    return std::any_of(source_.columns.begin(), source_.columns.end(),
                       [&](const HeaderColumn& column) { return column.name == candidate; });
  };
  if (is_column(name)) return name;
  for (size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
    if (is_column(name.substr(dot + 1))) return name.substr(dot + 1);
  }
  return identifier.parts.back();
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

void SelectPlanner::GroupByVector() {
  if (select_.limit_by) ThrowNoJoin("there is LIMIT BY");
  if (!limit_.limit) ThrowNoJoin("there is no LIMIT");
  if (select_.with_ties) ThrowNoJoin("there is WITH TIES");
  limit_by_.push_back(Compile(*ColumnNamed(kVectorNumber)));
  group_limit_ = std::exchange(limit_, RowLimit{});
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
