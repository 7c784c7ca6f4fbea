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
      vectors_(set.base_rows()),
      registry_(SkipIndexRegistry::WithBuiltins()),
      reranker_(set.metric, vectors_) {
  index_ = registry_.Get("vector_similarity").Declare(Declare(set, arguments), TableSettings());
  const SubIndexInput input{.rows = vectors_.rows, .vectors = &vectors_, .context = &context_};
  const auto begin = std::chrono::steady_clock::now();
  ByteWriter out;
  index_->NewBuilder()->Finish(input, out);
  build_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  bytes_ = out.Take();
  sub_index_ = index_->Open(bytes_, input);
}

void VectorGraph::Search(std::span<const float> query, size_t ef, size_t k,
                         std::vector<uint32_t>& rows) {
  candidates_.clear();
  sub_index_->neighbor_searcher()
      ->Start({.vector = query, .count = k, .effort = ef})
      ->Next(candidates_, context_);
  reranker_.Rerank(query, candidates_, k, rows);
}

}  // namespace granary::bench
