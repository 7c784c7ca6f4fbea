// A vector index by itself: built in memory through the plugin interface over the base of a vector
// set, searched as by the query engine and re-ranked, without a table or a statement. "Bare" in the
// figures.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "granary/bench/vector_set.h"
#include "granary/query/engine/thread_pool.h"
#include "granary/query/search/sub_index_search.h"
#include "granary/skipindex/distance/distance.h"
#include "granary/skipindex/registry.h"
#include "granary/skipindex/skip_index.h"
#include "granary/table/task_context.h"

namespace granary::bench {

// The k of the candidates that are nearest to the query by exact distance, nearest first, equal
// ones by row; replaces the content of `nearest`.
class Reranker {
 public:
  Reranker(Metric metric, const VectorRows& rows) : metric_(metric), rows_(rows) {}
  void Rerank(std::span<const float> query, std::span<const Candidate> candidates, size_t k,
              std::vector<uint32_t>& nearest);

 private:
  const Metric metric_;
  const VectorRows rows_;
  std::vector<uint32_t> ids_;
  std::vector<float> distances_;
  std::vector<std::pair<float, uint32_t>> ranked_;
};

struct GraphArguments {
  std::string quantization = "i8";
  uint64_t m = 32;
  uint64_t ef_construction = 128;
  size_t sub_indexes = 1;  // over equal ranges of the rows
};

// Not thread-safe.
class VectorGraph {
 public:
  // Builds with `threads` threads. `set` outlives the graph.
  VectorGraph(const VectorSet& set, const GraphArguments& arguments, size_t threads);

  // The k nearest rows it finds on one thread, nearest first; replaces the content of `rows`.
  void Search(std::span<const float> query, size_t ef, size_t k, std::vector<uint32_t>& rows);

  double build_seconds() const { return build_seconds_; }
  size_t byte_size() const;

 private:
  struct Part {
    uint32_t first_row = 0;
    VectorRows vectors;
    std::vector<std::byte> bytes;
    std::shared_ptr<const SubIndex> sub_index;
  };

  SubIndexInput InputOf(const Part& part) const;

  ThreadPool pool_;
  PoolExecutor executor_;
  MemoryTracker memory_;
  TaskContext context_;
  ThreadPool search_pool_;  // of one thread
  PoolExecutor search_executor_;
  TaskContext search_context_;
  Metric metric_;
  VectorRows vectors_;
  SkipIndexRegistry registry_;
  std::shared_ptr<const SkipIndex> index_;
  std::vector<Part> parts_;
  std::vector<Candidate> candidates_;
  Reranker reranker_;
  double build_seconds_ = 0;
};

}  // namespace granary::bench
