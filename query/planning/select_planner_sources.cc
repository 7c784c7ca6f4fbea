// What stands in FROM, and what its columns are called.
#include <algorithm>
#include <numeric>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/expressions/predicate_lowering.h"
#include "granary/query/planning/select_planner.h"
#include "granary/query/planning/select_planner_parts.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

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

}  // namespace

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

}  // namespace granary
