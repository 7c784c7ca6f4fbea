#include "granary/query/search/neighbor_result.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <boost/container/small_vector.hpp>

#include "granary/parts/part_reader.h"

namespace granary {
namespace {

using Numbers = boost::container::small_vector<uint32_t, 32, ChargedAllocator<uint32_t>>;
constexpr size_t kNanosecondsPerComparison = 4;

std::span<const uint32_t> View(const Numbers& numbers) { return {numbers.data(), numbers.size()}; }

Block GatherFrom(const SelectedPart& selected, std::span<const uint32_t> rows,
                 const std::vector<std::string>& columns, const TaskContext& task) {
  return PartReader(selected.part, columns, task).Gather(rows);
}

}  // namespace

Block GatherRanked(std::span<const RankedRow> rows, const GranuleSelection& selection,
                   const std::vector<std::string>& columns, const TaskContext& task) {
  if (columns.empty() || rows.empty()) return Block(rows.size());
  const uint32_t first_part = rows.front().part;
  Numbers rows_of_part;
  if (std::all_of(rows.begin(), rows.end(),
                  [&](const RankedRow& row) { return row.part == first_part; })) {
    for (const RankedRow& row : rows) rows_of_part.push_back(row.row);
    return GatherFrom(selection.parts[first_part], View(rows_of_part), columns, task);
  }
  Numbers order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  CancelCheck check;
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    check.After(kNanosecondsPerComparison);
    return rows[a].part != rows[b].part ? rows[a].part < rows[b].part : rows[a].row < rows[b].row;
  });
  std::vector<Block> blocks;
  for (size_t begin = 0; begin < order.size();) {
    const uint32_t part = rows[order[begin]].part;
    rows_of_part.clear();
    for (; begin < order.size() && rows[order[begin]].part == part; ++begin) {
      rows_of_part.push_back(rows[order[begin]].row);
    }
    blocks.push_back(GatherFrom(selection.parts[part], View(rows_of_part), columns, task));
  }
  Numbers rank(rows.size());
  for (size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<uint32_t>(i);
  return ConcatenateBlocks(blocks).Gather(View(rank));
}

ColumnPtr DistanceColumn(std::span<const RankedRow> rows, const DataType& type) {
  const auto column = [&]<class T>(T) -> ColumnPtr {
    const auto owner = MakeChargedArray<T>(rows.size());
    T* const values = owner.get();
    std::transform(rows.begin(), rows.end(), values,
                   [](const RankedRow& row) { return static_cast<T>(row.distance); });
    return std::make_shared<NumberColumn<T>>(type, std::shared_ptr<const void>(owner, values),
                                             values, rows.size());
  };
  return type.id() == TypeId::kFloat32 ? column(float{}) : column(double{});
}

void CheckDimensions(const DeclaredIndex& index, const DistanceQuery& query) {
  const std::optional<size_t> dimensions = index.index->vector_search()->dimensions;
  if (!dimensions || *dimensions == query.dimensions()) return;
  throw Error(ErrorCode::kIncorrectQuery,
              "The query vector has " + std::to_string(query.dimensions()) + " elements, index '" +
                  index.declaration.name + "' is over vectors of " + std::to_string(*dimensions));
}

std::string StrategyOf(const NeighborStatistics& statistics, bool has_filter) {
  std::string strategy;
  if (statistics.graph_blocks > 0) {
    strategy = "sub-indexes searched";
    if (statistics.decided_rows > 0) {
      strategy += ", WHERE evaluated for " + std::to_string(statistics.decided_rows) +
                  " rows that they came to";
    } else if (has_filter) {
      strategy += " among the rows that pass WHERE";
    }
  }
  if (statistics.scanned_rows > 0) {
    strategy += (strategy.empty() ? "" : ", ") + std::string("exact scan of ") +
                std::to_string(statistics.scanned_rows) + " rows";
    if (statistics.bounded_rows > 0) {
      strategy += ", " + std::to_string(statistics.bounded_rows) + " of them first by their codes";
    }
  }
  return strategy.empty() ? "nothing to search" : strategy;
}

void DescribeStatistics(const DeclaredIndex* index, GranuleSelection selection,
                        const NeighborStatistics& statistics, bool has_filter,
                        StepDescription& description) {
  if (index != nullptr) {
    const IndexDeclaration& declaration = index->declaration;
    selection.stages.push_back({.type = "Skip",
                                .name = declaration.name,
                                .description = declaration.kind + " GRANULARITY " +
                                               std::to_string(declaration.granularity),
                                .condition = {},
                                .parts_before = selection.parts.size(),
                                .parts_after = statistics.parts_read,
                                .granules_before = selection.granules(),
                                .granules_after = statistics.granules_read});
  }
  description.indexes.push_back("Indexes:");
  for (std::string& line : DescribeStages(selection)) {
    description.indexes.push_back(std::move(line));
  }
  description.details.push_back("Strategy: " + StrategyOf(statistics, has_filter));
  for (const auto& [reason, count] : statistics.reasons) {
    description.details.push_back("Exact scan: " + reason + " (" + std::to_string(count) + ")");
  }
  if (statistics.graph_blocks > 0) {
    description.details.push_back(
        "Candidates: " + std::to_string(statistics.candidates) + " rows of " +
        std::to_string(statistics.graph_blocks) +
        " sub-indexes, candidate granules: " + std::to_string(statistics.candidate_granules));
  }
}

}  // namespace granary
