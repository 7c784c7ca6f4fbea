#include "granary/query/search/neighbor_join_search.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "granary/parts/sort_rows.h"
#include "granary/query/expressions/bound_expression.h"
#include "granary/query/search/neighbor_result.h"

namespace granary {
namespace {

// How many of the nearest rows are tried for k that fulfil a condition over both sides.
size_t CountToTry(const NeighborJoin& join) {
  return join.pairs == nullptr ? join.count : std::max(2 * join.count, join.count + 16);
}

}  // namespace

NeighborJoinSearch::NeighborJoinSearch(PartSetPtr parts, const NeighborJoin& join,
                                       const DeclaredIndex* index, const QuerySettings& settings,
                                       const TaskContext& task)
    : parts_(std::move(parts)),
      join_(join),
      index_(index),
      settings_(settings),
      task_(task),
      batch_(parts_, RequestFor(CountToTry(join), join.filter), task) {
  if (join.pairs == nullptr) return;
  for (const std::string& column : join.pairs->required_columns()) {
    if (join.pair_columns.count(column) == 0) pair_inputs_.push_back(column);
  }
}

NeighborBatchRequest NeighborJoinSearch::RequestFor(size_t count, const RowFilter& filter) const {
  return {.column = join_.vector_column,
          .count = count,
          .index = index_,
          .filter = &filter,
          .settings = &settings_};
}

NeighborStatistics NeighborJoinSearch::statistics() const {
  NeighborStatistics sum = batch_.statistics();
  AddSearches(among_matching_, sum);
  return sum;
}

NeighborJoinSearch::Ranked NeighborJoinSearch::Search(const Block& input,
                                                      std::span<const DistanceQuery> queries) {
  if (join_.pairs == nullptr) return batch_.Search(queries);
  Ranked nearest(queries.size());
  if (join_.count == 0) return nearest;
  std::vector<uint32_t> rest(queries.size());
  std::iota(rest.begin(), rest.end(), 0);
  if (tries_nearest_) {
    rest = TryNearest(input, queries, nearest);
    tries_nearest_ = 2 * rest.size() <= queries.size();
  }
  SearchAmongMatching(input, queries, rest, nearest);
  return nearest;
}

std::vector<uint32_t> NeighborJoinSearch::TryNearest(const Block& input,
                                                     std::span<const DistanceQuery> queries,
                                                     Ranked& nearest) {
  const Ranked found = batch_.Search(queries);
  const std::vector<uint8_t> passes = TestPairs(input, found);
  std::vector<uint32_t> rest;
  size_t next = 0;
  for (uint32_t row = 0; row < found.size(); ++row) {
    for (const RankedRow& candidate : found[row]) {
      if (passes[next++] != 0) nearest[row].push_back(candidate);
    }
    const bool are_all = found[row].size() < CountToTry(join_);
    if (nearest[row].size() < join_.count && !are_all) rest.push_back(row);
    nearest[row].resize(std::min(nearest[row].size(), join_.count));
  }
  return rest;
}

std::vector<uint8_t> NeighborJoinSearch::TestPairs(const Block& input, const Ranked& found) const {
  ChargedVector<uint32_t> input_rows;
  ChargedVector<RankedRow> table_rows;
  for (uint32_t row = 0; row < found.size(); ++row) {
    input_rows.insert(input_rows.end(), found[row].size(), row);
    table_rows.insert(table_rows.end(), found[row].begin(), found[row].end());
  }
  std::vector<uint8_t> passes(table_rows.size());
  if (table_rows.empty()) return passes;
  std::vector<std::string> columns;
  for (const auto& [name, from] : join_.pair_columns) columns.push_back(from);
  const Block stored = GatherRanked(table_rows, selection(), columns, task_);
  Block pairs(table_rows.size());
  for (const std::string& name : pair_inputs_) {
    pairs.Add(name, input.Get(name)->Materialize()->Gather(input_rows));
  }
  for (const auto& [name, from] : join_.pair_columns) pairs.Add(name, stored.Get(from));
  ConditionMask(*join_.pairs->Evaluate(pairs), passes);
  return passes;
}

std::vector<ChargedVector<uint32_t>> NeighborJoinSearch::GroupByValues(
    const Block& input, std::span<const uint32_t> rows) const {
  std::vector<ColumnPtr> values;
  for (const std::string& name : pair_inputs_) {
    values.push_back(input.Get(name)->Materialize()->Gather(rows));
  }
  std::vector<ChargedVector<uint32_t>> groups = GroupEqualRows(values, rows.size());
  for (ChargedVector<uint32_t>& group : groups) {
    for (uint32_t& row : group) row = rows[row];
  }
  return groups;
}

void NeighborJoinSearch::SearchAmongMatching(const Block& input,
                                             std::span<const DistanceQuery> queries,
                                             std::span<const uint32_t> rows, Ranked& nearest) {
  if (rows.empty()) return;
  for (const ChargedVector<uint32_t>& group : GroupByValues(input, rows)) {
    task_.CheckCancelled();
    std::map<std::string, ColumnPtr> values;
    for (const std::string& name : pair_inputs_) {
      values[name] = input.Get(name)->Slice(group.front(), 1)->Materialize();
    }
    // The same predicate, and so the same selection of parts as without the condition.
    const RowFilter filter{
        .condition = BindColumns(join_.filtered_pairs, std::move(values), join_.pair_columns),
        .predicate = join_.filter.predicate};
    std::vector<DistanceQuery> of_group;
    for (const uint32_t row : group) of_group.push_back(queries[row]);
    NeighborBatch batch(parts_, RequestFor(join_.count, filter), task_);
    Ranked found = batch.Search(of_group);
    for (size_t i = 0; i < group.size(); ++i) nearest[group[i]] = std::move(found[i]);
    AddSearches(batch.statistics(), among_matching_);
  }
}

}  // namespace granary
