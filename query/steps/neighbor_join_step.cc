#include "granary/query/steps/neighbor_join_step.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "granary/query/engine/statement_context.h"
#include "granary/query/search/neighbor_result.h"
#include "granary/query/search/recall.h"

namespace granary {
namespace {

// Vectors that are searched at once; their heaps and the rows being compared share a cache.
constexpr size_t kQueriesAtOnce = 256;
constexpr size_t kRowsAtOnce = 1 << 20;

size_t QueriesAtOnce(const PartSet& parts, size_t count) {
  const size_t rows = std::max<size_t>(1, std::min<size_t>(count, parts.live_rows()));
  return std::clamp<size_t>(kRowsAtOnce / rows, 1, kQueriesAtOnce);
}

Header HeaderOf(const NeighborJoin& join) {
  Header header;
  for (const auto& column : join.input_columns) header.push_back({column.name, column.type});
  for (const auto& column : join.table_columns) header.push_back({column.name, column.type});
  header.push_back({join.distance->text(), join.distance->type()});
  return header;
}

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

class NeighborJoinStep::Stream final : public BlockStream {
 public:
  Stream(const NeighborJoinStep* step, BlockStreamPtr input, StatementContext* context)
      : step_(step),
        input_(std::move(input)),
        context_(context),
        parts_(context->Parts(*step->join_.table)),
        index_(step->FindIndex(*parts_)),
        at_once_(QueriesAtOnce(*parts_, step->join_.count)) {}

  std::optional<Block> Next() override {
    while (true) {
      while (done_ == block_.rows()) {
        std::optional<Block> block = input_->Next();
        if (!block) return std::nullopt;
        block_ = step_->Renamed(*block);
        done_ = 0;
      }
      const Block rows = block_.Slice(done_, std::min(at_once_, block_.rows() - done_));
      done_ += rows.rows();
      const std::vector<DistanceQuery> queries = step_->QueriesOf(rows, index_, *context_);
      Block joined =
          step_->Join(rows, search().Search(rows, queries), search().selection(), context_->task());
      if (joined.rows() > 0) return joined;
    }
  }

  // Looks at the table when the first row comes.
  NeighborJoinSearch& search() {
    if (!search_) {
      search_.emplace(parts_, step_->join_, index_, *step_->settings_, context_->task());
    }
    return *search_;
  }
  const DeclaredIndex* index() const { return index_; }

 private:
  const NeighborJoinStep* step_;
  BlockStreamPtr input_;
  StatementContext* context_;
  PartSetPtr parts_;
  const DeclaredIndex* index_;
  const size_t at_once_;
  std::optional<NeighborJoinSearch> search_;
  Block block_;
  size_t done_ = 0;
};

NeighborJoinStep::NeighborJoinStep(PlanPtr input, NeighborJoin join,
                                   std::shared_ptr<const QuerySettings> settings)
    : PlanStep(HeaderOf(join), {std::move(input)}),
      join_(std::move(join)),
      settings_(std::move(settings)) {}

const DeclaredIndex* NeighborJoinStep::FindIndex(const PartSet& parts) const {
  return join_.index_name.empty() ? nullptr : parts.FindIndex(join_.index_name);
}

Block NeighborJoinStep::Renamed(const Block& input) const {
  Block renamed(input.rows());
  for (const auto& column : join_.input_columns) renamed.Add(column.name, input.Get(column.from));
  return renamed;
}

std::vector<DistanceQuery> NeighborJoinStep::QueriesOf(const Block& renamed,
                                                       const DeclaredIndex* index,
                                                       StatementContext& context) const {
  const ColumnPtr vectors = join_.vector->Evaluate(renamed)->Materialize();
  std::vector<DistanceQuery> queries;
  queries.reserve(renamed.rows());
  for (size_t row = 0; row < renamed.rows(); ++row) {
    queries.emplace_back(join_.function, join_.vector_column, *vectors->Slice(row, 1),
                         join_.distance->type().id() == TypeId::kFloat64,
                         context.functions().kernels);
    const bool has_vector = queries.back().dimensions() > 0;
    if (index != nullptr && has_vector) CheckDimensions(*index, queries.back());
  }
  return queries;
}

Block NeighborJoinStep::Join(const Block& input,
                             const std::vector<ChargedVector<RankedRow>>& nearest,
                             const GranuleSelection& selection, const TaskContext& task) const {
  ChargedVector<uint32_t> input_rows;
  ChargedVector<RankedRow> table_rows;
  for (uint32_t row = 0; row < nearest.size(); ++row) {
    input_rows.insert(input_rows.end(), nearest[row].size(), row);
    table_rows.insert(table_rows.end(), nearest[row].begin(), nearest[row].end());
  }
  if (table_rows.empty()) return {};
  Block joined = input.Gather(input_rows);
  std::vector<std::string> columns;
  for (const auto& column : join_.table_columns) columns.push_back(column.from);
  const Block stored = GatherRanked(table_rows, selection, columns, task);
  for (const auto& column : join_.table_columns) joined.Add(column.name, stored.Get(column.from));
  joined.Add(join_.distance->text(), DistanceColumn(table_rows, join_.distance->type()));
  return joined;
}

BlockStreamPtr NeighborJoinStep::Open(StatementContext& context) const {
  return std::make_unique<Stream>(this, inputs()[0]->Open(context), &context);
}

std::vector<std::string> NeighborJoinStep::Details() const {
  std::vector<std::string> details = {"Table: default." + join_.table->name,
                                      "Nearest neighbours: " + std::to_string(join_.count) +
                                          " of each row by " + join_.distance->text()};
  if (join_.filter.condition) {
    details.push_back("Filter column: " + join_.filter.condition->text());
  }
  if (join_.pairs) details.push_back("Filter of pairs: " + join_.pairs->text());
  details.push_back(join_.index_name.empty() ? "Vector index: not used, " + join_.reason
                                             : "Vector index: " + join_.index_name);
  return details;
}

StepDescription NeighborJoinStep::Describe(StatementContext& context, bool with_indexes) const {
  StepDescription description;
  description.title = "NearestNeighborJoin";
  description.details = Details();
  description.reads_table = true;
  if (!with_indexes) return description;
  Stream stream(this, inputs()[0]->Open(context), &context);
  while (stream.Next()) continue;
  DescribeStatistics(stream.index(), stream.search().selection(), stream.search().statistics(),
                     join_.filter.condition != nullptr || join_.pairs != nullptr, description);
  return description;
}

std::vector<std::string> NeighborJoinStep::DescribeRecall(StatementContext& context) const {
  const PartSetPtr parts = context.Parts(*join_.table);
  const DeclaredIndex* index = FindIndex(*parts);
  QuerySettings without_force = *settings_;
  without_force.force_data_skipping_indices.clear();
  NeighborJoinSearch planned(parts, join_, index, *settings_, context.task());
  NeighborJoinSearch exact(parts, join_, nullptr, without_force, context.task());
  RecallCounter recall(join_.function);
  double planned_seconds = 0;
  double exact_seconds = 0;
  const size_t at_once = QueriesAtOnce(*parts, join_.count);
  for (const Block& block : Collect(*inputs()[0]->Open(context), context.task())) {
    const Block input = Renamed(block);
    for (size_t first = 0; first < input.rows(); first += at_once) {
      const Block rows = input.Slice(first, std::min(at_once, input.rows() - first));
      const std::vector<DistanceQuery> queries = QueriesOf(rows, index, context);
      const auto begin = std::chrono::steady_clock::now();
      const auto found = planned.Search(rows, queries);
      planned_seconds += SecondsSince(begin);
      const auto exact_begin = std::chrono::steady_clock::now();
      const auto nearest = exact.Search(rows, queries);
      exact_seconds += SecondsSince(exact_begin);
      for (size_t i = 0; i < rows.rows(); ++i) recall.Add(found[i], nearest[i]);
    }
  }
  const bool has_filter = join_.filter.condition != nullptr || join_.pairs != nullptr;
  std::vector<std::string> lines = Details();
  lines.push_back("Strategy: " + StrategyOf(planned.statistics(), has_filter));
  for (std::string& line : recall.Describe(join_.count)) lines.push_back(std::move(line));
  lines.push_back(DescribeCost("As planned", planned_seconds, planned.statistics()));
  lines.push_back(DescribeCost("Exactly", exact_seconds, exact.statistics()));
  return lines;
}

}  // namespace granary
