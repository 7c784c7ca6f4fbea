#include "granary/query/steps/neighbor_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/search/neighbor_result.h"
#include "granary/query/search/recall.h"

namespace granary {
NeighborStep::NeighborStep(TablePtr table, Header header, NeighborShape shape, size_t count,
                           std::string index_name, std::string reason, RowFilter filter,
                           CompiledExpressionPtr range,
                           std::shared_ptr<const QuerySettings> settings)
    : PlanStep(std::move(header)),
      table_(std::move(table)),
      shape_(std::move(shape)),
      count_(count),
      index_name_(std::move(index_name)),
      reason_(std::move(reason)),
      filter_(std::move(filter)),
      range_(std::move(range)),
      settings_(std::move(settings)),
      scan_settings_(*settings_),
      stored_columns_(ColumnNames(this->header())) {
  scan_settings_.vector_search_method = VectorSearchMethod::kScan;
  scan_settings_.vector_search_filter_strategy = FilterStrategy::kPrefilter;
  std::erase(stored_columns_, shape_.distance->text());
}

DistanceQuery NeighborStep::MakeQuery(StatementContext& context) const {
  const auto query_of = [&](const auto& vector) {
    return DistanceQuery(shape_.function, shape_.column, vector,
                         shape_.distance->type().id() == TypeId::kFloat64,
                         context.functions().kernels);
  };
  if (shape_.parameter.empty()) return query_of(*shape_.query);
  const Parameters& parameters = context.parameters();
  const DataType& type = shape_.query->type();
  if (type.is_array() && type.element().id() == TypeId::kFloat32) {
    if (const auto floats = parameters.Floats(shape_.parameter)) return query_of(*floats);
  }
  return query_of(*parameters.Get(shape_.parameter, type));
}

namespace {

// Why no index can be used for the vector, or null.
const char* ReasonAgainstIndex(const DistanceQuery& query) {
  if (!query.is_finite()) return "elements of the query vector are beyond the range of Float32";
  const bool is_zero = query.function() == DistanceFunction::kCosine && query.is_zero();
  return is_zero ? "every cosine distance to a zero vector is NaN" : nullptr;
}

}  // namespace

const DeclaredIndex* NeighborStep::FindIndex(const PartSet& parts,
                                             const DistanceQuery& query) const {
  const DeclaredIndex* index = index_name_.empty() ? nullptr : parts.FindIndex(index_name_);
  if (index == nullptr) return nullptr;
  CheckDimensions(*index, query);
  const auto doubles = query.doubles();
  const bool has_distances =
      std::all_of(doubles.begin(), doubles.end(), [](double x) { return std::isfinite(x); });
  if (!has_distances) {
    throw Error(ErrorCode::kIncorrectQuery,
                "The query vector holds NaN or infinite elements, which have no neighbours");
  }
  return ReasonAgainstIndex(query) == nullptr ? index : nullptr;
}

NeighborRequest NeighborStep::MakeRequest(const PartSet& parts, const DistanceQuery& query) const {
  if (query.dimensions() == 0 && parts.live_rows() > 0) {
    throw Error(ErrorCode::kSizesOfArraysDontMatch, "The query vector is empty");
  }
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
  NeighborRequest request = MakeRequest(*parts, query);
  std::optional<NeighborSearchRun> run;
  const ChargedVector<RankedRow> rows = Find(parts, request, context.task(), run);
  return rows.empty() ? Block() : ReadRows(rows, run->selection(), context.task());
}

ChargedVector<RankedRow> NeighborStep::Find(const PartSetPtr& parts, NeighborRequest& request,
                                            const TaskContext& task,
                                            std::optional<NeighborSearchRun>& run) const {
  const SearchableRowsPtr searchable =
      SelectSearchableRows(parts, shape_.column, request.index, filter_, *request.settings, task);
  run.emplace(searchable, request, task);
  ChargedVector<RankedRow> rows = run->Run();
  const bool are_all = rows.size() < request.count;
  const bool is_exact = run->statistics().graph_blocks == 0;
  if (range_ == nullptr || !CutAtRange(rows) || are_all || is_exact) return rows;
  request.settings = &scan_settings_;
  run.emplace(searchable, request, task);
  rows = run->Run();
  CutAtRange(rows);
  return rows;
}

bool NeighborStep::CutAtRange(ChargedVector<RankedRow>& rows) const {
  if (rows.empty()) return false;
  Block distances(rows.size());
  distances.Add(shape_.distance->text(), DistanceColumn(rows, shape_.distance->type()));
  std::vector<uint8_t> mask(rows.size());
  const size_t within = ConditionMask(*range_->Evaluate(distances), mask);
  const bool is_cut = within < rows.size();
  rows.resize(within);
  return is_cut;
}

NeighborStep::TimedSearch NeighborStep::SearchTwice(const PartSetPtr& parts,
                                                    const NeighborRequest& request,
                                                    const TaskContext& task) const {
  std::optional<NeighborSearchRun> run;
  NeighborRequest first = request;
  Find(parts, first, task, run);
  NeighborRequest second = request;
  const auto begin = std::chrono::steady_clock::now();
  TimedSearch search{.rows = Find(parts, second, task, run)};
  search.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  search.statistics = run->statistics();
  return search;
}

Block NeighborStep::ReadRows(const ChargedVector<RankedRow>& rows,
                             const GranuleSelection& selection, const TaskContext& task) const {
  const Block stored = GatherRanked(rows, selection, stored_columns_, task);
  std::vector<NamedColumn> columns;
  columns.reserve(header().size());
  for (const HeaderColumn& column : header()) {
    const bool is_distance = column.name == shape_.distance->text();
    columns.push_back(
        {column.name, is_distance ? DistanceColumn(rows, column.type) : stored.Get(column.name)});
  }
  return Block(std::move(columns));
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
  if (range_) details.push_back("Range: " + range_->text());
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
  NeighborRequest request = MakeRequest(*parts, query);
  const char* reason = ReasonAgainstIndex(query);
  if (reason != nullptr && !index_name_.empty()) {
    description.details.back() = std::string("Vector index: not used, ") + reason;
  }
  std::optional<NeighborSearchRun> run;
  Find(parts, request, context.task(), run);
  DescribeStatistics(request.index, run->selection(), run->statistics(),
                     filter_.condition != nullptr, description);
  if (request.settings == &scan_settings_) {
    description.details.push_back("Exact scan: index '" + index_name_ +
                                  "' reached beyond the range");
  }
}

}  // namespace granary
