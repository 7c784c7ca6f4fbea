#include "granary/bench/vector_graph.h"

#include <algorithm>
#include <chrono>

namespace granary::bench {
namespace {

// The indexed expression: a column of vectors.
class VectorColumn final : public Expression {
 public:
  ColumnPtr Evaluate(const Block& block) const override { return block.Get(text_); }
  const DataType& type() const override { return type_; }
  const std::string& text() const override { return text_; }
  const std::vector<std::string>& required_columns() const override { return columns_; }

 private:
  const DataType type_ = DataType::Array(TypeId::kFloat32);
  const std::string text_ = "v";
  const std::vector<std::string> columns_ = {"v"};
};

IndexArgument Text(std::string_view text) { return {Value(std::string(text))}; }
IndexArgument Number(uint64_t number) { return {Value(number)}; }

IndexDeclaration Declare(const VectorSet& set, const GraphArguments& arguments) {
  IndexDeclaration declaration;
  declaration.name = "near";
  declaration.expression = std::make_shared<VectorColumn>();
  declaration.kind = "vector_similarity";
  declaration.arguments = {Text("hnsw"),
                           Text(MetricFunction(set.metric)),
                           Number(set.base.dimensions),
                           Text(arguments.quantization),
                           Number(arguments.m),
                           Number(arguments.ef_construction)};
  declaration.granularity = 100'000'000;
  return declaration;
}

}  // namespace

void Reranker::Rerank(std::span<const float> query, std::span<const Candidate> candidates, size_t k,
                      std::vector<uint32_t>& nearest) {
  ids_.clear();
  for (const Candidate& candidate : candidates) ids_.push_back(candidate.row);
  distances_.resize(ids_.size());
  ComputeDistances(BestDistanceKernels(), FunctionOf(metric_), query, rows_, ids_,
                   distances_.data());
  ranked_.clear();
  for (size_t i = 0; i < ids_.size(); ++i) ranked_.emplace_back(distances_[i], ids_[i]);
  const size_t count = std::min(k, ranked_.size());
  std::partial_sort(ranked_.begin(), ranked_.begin() + static_cast<std::ptrdiff_t>(count),
                    ranked_.end());
  nearest.clear();
  for (size_t i = 0; i < count; ++i) nearest.push_back(ranked_[i].second);
}

VectorGraph::VectorGraph(const VectorSet& set, const GraphArguments& arguments, size_t threads)
    : pool_(threads),
      executor_(&pool_, ThreadPool::Priority::kForeground),
      context_({.executor = &executor_, .memory = &memory_}),
      search_pool_(1),
      search_executor_(&search_pool_, ThreadPool::Priority::kForeground),
      search_context_({.executor = &search_executor_, .memory = &memory_}),
      metric_(set.metric),
      vectors_(set.base_rows()),
      registry_(SkipIndexRegistry::WithBuiltins()),
      reranker_(set.metric, vectors_) {
  index_ = registry_.Get("vector_similarity").Declare(Declare(set, arguments), TableSettings());
  const auto begin = std::chrono::steady_clock::now();
  for (size_t part = 0; part < arguments.sub_indexes; ++part) {
    const size_t first = vectors_.rows * part / arguments.sub_indexes;
    const size_t end = vectors_.rows * (part + 1) / arguments.sub_indexes;
    parts_.push_back({static_cast<uint32_t>(first), vectors_.Slice(first, end - first), {}, {}});
    ByteWriter out;
    index_->NewBuilder()->Finish(InputOf(parts_.back()), out);
    parts_.back().bytes = out.Take();
  }
  build_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  for (Part& part : parts_) part.sub_index = index_->Open(part.bytes, InputOf(part));
}

SubIndexInput VectorGraph::InputOf(const Part& part) const {
  return {.rows = part.vectors.rows, .vectors = &part.vectors, .context = &context_};
}

size_t VectorGraph::byte_size() const {
  size_t bytes = 0;
  for (const Part& part : parts_) bytes += part.bytes.size();
  return bytes;
}

void VectorGraph::Search(std::span<const float> query, size_t ef, size_t k,
                         std::vector<uint32_t>& rows) {
  const auto numbers = std::make_shared<NumberColumn<float>>(
      DataType(TypeId::kFloat32), std::vector<float>(query.begin(), query.end()));
  const DistanceQuery distance(FunctionOf(metric_), "v",
                               *ArrayColumn::Uniform(numbers, query.size(), 1), false,
                               &BestDistanceKernels());
  std::vector<SearchedBlock> blocks;
  for (const Part& part : parts_) {
    blocks.push_back({.first_row = part.first_row,
                      .rows = part.vectors.rows,
                      .matching = part.vectors.rows,
                      .sub_index = part.sub_index});
  }
  SearchBlocks(distance, k, ef, blocks, search_context_);
  candidates_.clear();
  for (const SearchedBlock& block : blocks) {
    candidates_.insert(candidates_.end(), block.candidates.begin(), block.candidates.end());
  }
  reranker_.Rerank(query, candidates_, k, rows);
}

}  // namespace granary::bench
