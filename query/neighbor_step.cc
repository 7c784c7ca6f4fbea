#include "granary/query/neighbor_step.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "granary/parts/part_reader.h"
#include "granary/query/recall.h"
#include "granary/query/statement_context.h"

namespace granary {
namespace {

// What was done, in words.
std::string StrategyOf(const NeighborStatistics& statistics, bool has_filter) {
  std::string strategy;
  if (statistics.graph_blocks > 0) {
    strategy =
        has_filter ? "sub-indexes searched among the rows that pass WHERE" : "sub-indexes searched";
  }
  if (statistics.scanned_rows > 0) {
    strategy += (strategy.empty() ? "" : ", ") + std::string("exact scan of ") +
                std::to_string(statistics.scanned_rows) + " rows";
  }
  return strategy.empty() ? "nothing to search" : strategy;
}

struct TimedSearch {
  std::vector<RankedRow> rows;
  NeighborStatistics statistics;
  double seconds = 0;
};

// The second of two runs, as the first may have to bring files into memory.
TimedSearch SearchTwice(const PartSetPtr& parts, const NeighborRequest& request,
                        const TaskContext& task) {
  NeighborSearchRun(parts, request, task).Run();
  const auto begin = std::chrono::steady_clock::now();
  NeighborSearchRun run(parts, request, task);
  TimedSearch search{.rows = run.Run(), .statistics = run.statistics()};
  search.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return search;
}

}  // namespace

NeighborStep::NeighborStep(TablePtr table, Header header, NeighborShape shape, size_t count,
                           std::string index_name, std::string reason, RowFilter filter,
                           std::shared_ptr<const QuerySettings> settings)
    : PlanStep(std::move(header)),
      table_(std::move(table)),
      shape_(std::move(shape)),
      count_(count),
      index_name_(std::move(index_name)),
      reason_(std::move(reason)),
      filter_(std::move(filter)),
      settings_(std::move(settings)) {}

DistanceQuery NeighborStep::MakeQuery(StatementContext& context) const {
  const ColumnPtr vector = shape_.parameter.empty()
                               ? shape_.query
                               : context.parameters().Get(shape_.parameter, shape_.query->type());
  return DistanceQuery(shape_.function, shape_.column, *vector,
                       shape_.distance->type().id() == TypeId::kFloat64,
                       context.functions().kernels);
}

const DeclaredIndex* NeighborStep::FindIndex(const PartSet& parts,
                                             const DistanceQuery& query) const {
  const DeclaredIndex* index = index_name_.empty() ? nullptr : parts.FindIndex(index_name_);
  if (index == nullptr) return nullptr;
  const std::optional<size_t> dimensions = index->index->vector_search()->dimensions;
  if (dimensions && *dimensions != query.dimensions()) {
    throw Error(ErrorCode::kIncorrectQuery,
                "The query vector has " + std::to_string(query.dimensions()) +
                    " elements, index '" + index_name_ + "' is over vectors of " +
                    std::to_string(*dimensions));
  }
  if (!query.is_finite()) {
    throw Error(ErrorCode::kIncorrectQuery,
                "The query vector holds NaN or infinite elements, which have no neighbours");
  }
  // Every distance is NaN.
  if (query.function() == DistanceFunction::kCosine && query.is_zero()) return nullptr;
  return index;
}

NeighborRequest NeighborStep::MakeRequest(const PartSet& parts, const DistanceQuery& query) const {
  return {.query = &query,
          .count = count_,
          .index = FindIndex(parts, query),
          .filter = &filter_,
          .settings = settings_.get()};
}

BlockStreamPtr NeighborStep::Open(StatementContext& context) const {
  return std::make_unique<DeferredStream>([this, &context] { return Search(context); },
                                          settings_->max_block_size);
}

Block NeighborStep::Search(StatementContext& context) const {
  const PartSetPtr parts = context.Parts(*table_);
  const DistanceQuery query = MakeQuery(context);
  const NeighborRequest request = MakeRequest(*parts, query);
  NeighborSearchRun run(parts, request, context.task());
  const std::vector<RankedRow> rows = run.Run();
  return rows.empty() ? Block() : ReadRows(rows, run.selection(), context.task());
}

Block NeighborStep::ReadRows(const std::vector<RankedRow>& rows, const GranuleSelection& selection,
                             const TaskContext& task) const {
  // Positions in `rows` by part and row, so that each part is read once and front to back.
  std::vector<uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return rows[a].part != rows[b].part ? rows[a].part < rows[b].part : rows[a].row < rows[b].row;
  });
  const std::string& distance = shape_.distance->text();
  std::vector<std::string> columns = ColumnNames(header());
  std::erase(columns, distance);
  std::vector<Block> blocks;
  for (size_t begin = 0; begin < order.size() && !columns.empty();) {
    const uint32_t part = rows[order[begin]].part;
    std::vector<uint32_t> rows_of_part;
    for (; begin < order.size() && rows[order[begin]].part == part; ++begin) {
      rows_of_part.push_back(rows[order[begin]].row);
    }
    blocks.push_back(PartReader(selection.parts[part].part, columns, task).Gather(rows_of_part));
  }
  Block stored(rows.size());
  if (!columns.empty()) {
    std::vector<uint32_t> rank(rows.size());
    for (size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<uint32_t>(i);
    stored = ConcatenateBlocks(blocks).Gather(rank);
  }
  Block result(rows.size());
  for (const HeaderColumn& column : header()) {
    if (column.name != distance) {
      result.Add(column.name, stored.Get(column.name));
      continue;
    }
    auto values = ColumnBuilder::Create(column.type);
    for (const RankedRow& row : rows) values->Append(Value(row.distance));
    result.Add(column.name, values->Finish());
  }
  return result;
}

StepDescription NeighborStep::Describe(StatementContext& context, bool with_indexes) const {
  StepDescription description;
  description.title = "ReadFromMergeTree (default." + table_->name + ")";
  description.details = Details();
  if (with_indexes) DescribeSearch(context, description);
  return description;
}

std::vector<std::string> NeighborStep::Details() const {
  std::vector<std::string> details = {"Nearest neighbours: " + std::to_string(count_) + " by " +
                                      shape_.distance->text()};
  if (filter_.condition) details.push_back("Filter column: " + filter_.condition->text());
  details.push_back(index_name_.empty() ? "Vector index: not used, " + reason_
                                        : "Vector index: " + index_name_);
  return details;
}

std::vector<std::string> NeighborStep::DescribeRecall(StatementContext& context) const {
  const PartSetPtr parts = context.Parts(*table_);
  const DistanceQuery query = MakeQuery(context);
  const NeighborRequest planned = MakeRequest(*parts, query);
  NeighborRequest exact = planned;
  exact.index = nullptr;
  QuerySettings without_force = *settings_;
  without_force.force_data_skipping_indices.clear();
  exact.settings = &without_force;

  const TimedSearch found = SearchTwice(parts, planned, context.task());
  const TimedSearch nearest = SearchTwice(parts, exact, context.task());
  RecallCounter recall(shape_.function);
  recall.Add(found.rows, nearest.rows);

  std::vector<std::string> lines = Details();
  lines.push_back("Strategy: " + StrategyOf(found.statistics, filter_.condition != nullptr));
  for (std::string& line : recall.Describe(count_)) lines.push_back(std::move(line));
  lines.push_back(DescribeCost("As planned", found.seconds, found.statistics));
  lines.push_back(DescribeCost("Exactly", nearest.seconds, nearest.statistics));
  return lines;
}

void NeighborStep::DescribeSearch(StatementContext& context, StepDescription& description) const {
  const PartSetPtr parts = context.Parts(*table_);
  const DistanceQuery query = MakeQuery(context);
  const NeighborRequest request = MakeRequest(*parts, query);
  NeighborSearchRun run(parts, request, context.task());
  run.Run();
  const NeighborStatistics& statistics = run.statistics();
  GranuleSelection selection = run.selection();
  if (request.index != nullptr) {
    const IndexDeclaration& declaration = request.index->declaration;
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
  description.details.push_back("Strategy: " +
                                StrategyOf(statistics, filter_.condition != nullptr));
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
