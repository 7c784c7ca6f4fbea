#include "granary/query/neighbor_step.h"

#include <chrono>
#include <utility>

#include "granary/query/neighbor_result.h"
#include "granary/query/recall.h"
#include "granary/query/statement_context.h"

namespace granary {
namespace {

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
  CheckDimensions(*index, query);
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
  const std::string& distance = shape_.distance->text();
  std::vector<std::string> columns = ColumnNames(header());
  std::erase(columns, distance);
  const Block stored = GatherRanked(rows, selection, columns, task);
  Block result(rows.size());
  for (const HeaderColumn& column : header()) {
    if (column.name != distance) {
      result.Add(column.name, stored.Get(column.name));
      continue;
    }
    result.Add(column.name, DistanceColumn(rows, column.type));
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
  DescribeStatistics(request.index, run.selection(), run.statistics(), filter_.condition != nullptr,
                     description);
}

}  // namespace granary
