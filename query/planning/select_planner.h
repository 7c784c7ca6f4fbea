// Plans one SELECT.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "granary/query/planning/planner.h"
#include "granary/query/planning/sources/joined_sources.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/search/neighbor_shape.h"
#include "granary/query/steps/neighbor_join_step.h"
#include "granary/query/steps/plan_steps.h"
#include "granary/query/steps/scan.h"

namespace granary {

class SelectPlanner {
 public:
  SelectPlanner(const sql::Select& select, Planner* planner, const PlannerScope& outer);

  PlanPtr Plan();
  // The table that the SELECT reads, if it only computes columns of its rows; else the plan.
  Source PlanSource();

 private:
  // An item of the select list, asterisks expanded.
  struct Item {
    sql::ExprPtr expression;
    std::string name;
  };

  // Compiles everything.
  void Bind();
  PlanPtr MakePlan();
  bool OnlyComputesColumns() const;
  void ResolveNames();
  void ResolveSources();
  void FindSideOfOneRow();
  std::optional<Block> ReadSideOfOneRow(const Source& side);
  bool IsJoin() const { return joined_ && !has_one_row_side_; }
  // The vectors of matrix_ as a source.
  Source MatrixSource() const;
  // The searches of many vectors are the join of them with the table, k rows by their number.
  void GroupByVector();
  [[noreturn]] void ThrowNoJoin(const std::string& reason) const;
  // Of one side of a join, under its own names.
  ExpressionScope ScopeOfSide(size_t side) const;
  std::vector<Item> ExpandItems() const;
  void ExpandAsterisk(const sql::Asterisk& asterisk, std::vector<Item>& items) const;
  std::string NameOf(const sql::Expr& expr) const;
  // Of the column that the identifier names, without its table.
  std::string ShownName(const sql::Identifier& identifier) const;
  // The select item that a position stands for, or the expression itself.
  sql::ExprPtr PositionOr(const sql::ExprPtr& expr, const char* clause) const;

  // PREWHERE, WHERE and the ON of a join together; null if there is none.
  sql::ExprPtr Condition() const;
  void CompileFilter();
  void SetFilter(const std::vector<CompiledExpressionPtr>& conditions);
  void CompileGroupBy();
  void CompileOutput();
  CompiledExpressionPtr Compile(const sql::Expr& expr, bool is_condition = false);
  bool IsAggregated() const;
  std::optional<uint64_t> RowsWanted() const;

  // Makes a nearest-neighbour search of the ORDER BY if it is one; else leaves a note for EXPLAIN.
  void MatchNeighbors();
  NeighborContext ContextForNeighbors() const;
  // Takes conditions that bound the distance searched by out of the filter, into range_.
  void SplitRange(const NeighborShape& shape);
  // Two tables in FROM: makes a nearest-neighbour join of them, or throws NOT_IMPLEMENTED.
  void MatchJoin();
  void CompileJoinFilter(const sql::ExprPtr& condition);
  void CompilePairFilter();
  // Why the ORDER BY, LIMIT BY and so on are not those of a nearest-neighbour join; else empty, and
  // the shape of the join is set.
  std::string FindJoinShape();

  PlanPtr ReadSource();
  PlanPtr ReadJoin();
  Header NeededColumns() const;
  // Whether the first rows of a table are wanted, and nothing is done to rows before they are
  // sorted.
  bool WantsTopRows() const;
  PlanPtr AddAggregation(PlanPtr plan);
  PlanPtr AddOutput(PlanPtr plan);

  const sql::Select& select_;
  Planner* planner_;
  PlannerScope outer_;
  Source source_;  // of two sources in FROM: the columns of the joined rows
  std::optional<JoinedSources> joined_;
  bool has_one_row_side_ = false;      // of joined_: source_ is the other one
  std::optional<std::string> matrix_;  // the parameter with many vectors, which are joined
  ExpressionScope scope_;
  std::vector<Item> items_;

  RowFilter filter_;
  CompiledExpressionPtr range_;  // of WHERE, what bounds the distance of a search
  bool is_aggregated_ = false;
  std::vector<Projection> keys_;
  std::vector<AggregateCall> calls_;
  CompiledExpressionPtr having_;
  std::vector<CompiledExpressionPtr> outputs_;  // of items_
  std::vector<CompiledExpressionPtr> sort_expressions_;
  std::vector<SortKey> sort_keys_;
  std::vector<CompiledExpressionPtr> limit_by_;
  RowLimit limit_;
  RowLimit group_limit_;  // LIMIT BY

  // Of a join: its parts, the side whose rows are searched, and the filters by side.
  NeighborJoin join_;
  size_t searched_side_ = 0;
  std::array<sql::ExprPtr, 2> side_conditions_;
  sql::ExprPtr pair_condition_;  // the parts of WHERE that read both sides
  std::array<RowFilter, 2> side_filters_;

  std::optional<NeighborShape> neighbors_;
  bool is_sorted_ = false;  // the rows that ReadSource delivers
  std::string neighbor_index_;
  std::vector<std::string> notes_;
};

}  // namespace granary
