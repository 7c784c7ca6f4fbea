#include "granary/query/neighbor_result.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "granary/parts/part_reader.h"

namespace granary {

Block GatherRanked(std::span<const RankedRow> rows, const GranuleSelection& selection,
                   const std::vector<std::string>& columns, const TaskContext& task) {
  if (columns.empty() || rows.empty()) return Block(rows.size());
  std::vector<uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return rows[a].part != rows[b].part ? rows[a].part < rows[b].part : rows[a].row < rows[b].row;
  });
  std::vector<Block> blocks;
  for (size_t begin = 0; begin < order.size();) {
    const uint32_t part = rows[order[begin]].part;
    std::vector<uint32_t> rows_of_part;
    for (; begin < order.size() && rows[order[begin]].part == part; ++begin) {
      rows_of_part.push_back(rows[order[begin]].row);
    }
    blocks.push_back(PartReader(selection.parts[part].part, columns, task).Gather(rows_of_part));
  }
  std::vector<uint32_t> rank(rows.size());
  for (size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<uint32_t>(i);
  return ConcatenateBlocks(blocks).Gather(rank);
}

ColumnPtr DistanceColumn(std::span<const RankedRow> rows, const DataType& type) {
  auto values = ColumnBuilder::Create(type);
  for (const RankedRow& row : rows) values->Append(Value(row.distance));
  return values->Finish();
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
