// How long does a graph take to build and to search, by code and width of the search, and what
// recall does that buy? Over the words of examples/data, on one thread.
#include <map>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include "granary/bench/vector_graph.h"

namespace granary::bench {
namespace {

const VectorSet& Words() {
  static const VectorSet words = LoadWords();
  return words;
}

void BuildGraph(benchmark::State& state, const std::string& quantization) {
  for (auto _ : state) {
    const VectorGraph graph(Words(), {.quantization = quantization},
                            static_cast<size_t>(state.range(0)));
    state.SetIterationTime(graph.build_seconds());
    state.counters["bytes_per_vector"] =
        static_cast<double>(graph.byte_size()) / static_cast<double>(Words().base.rows);
  }
  state.counters["vectors_per_second"] = benchmark::Counter(
      static_cast<double>(Words().base.rows), benchmark::Counter::kIsIterationInvariantRate);
}

void SearchGraph(benchmark::State& state, const std::string& quantization) {
  static std::map<std::string, std::unique_ptr<VectorGraph>> graphs;
  auto& graph = graphs[quantization];
  if (!graph) {
    graph = std::make_unique<VectorGraph>(Words(), GraphArguments{.quantization = quantization}, 2);
  }
  const FloatVectors& queries = Words().queries;
  std::vector<std::vector<uint32_t>> found(queries.rows);
  for (auto _ : state) {
    for (size_t query = 0; query < queries.rows; ++query) {
      graph->Search(queries.Row(query), static_cast<size_t>(state.range(0)), 10, found[query]);
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * queries.rows));
  state.counters["recall@10"] = RecallAt10(Words(), found);
}

const bool kRegistered = [] {
  for (const std::string code : {"f32", "bf16", "f16", "i8"}) {
    benchmark::RegisterBenchmark(("Graph/build/" + code).c_str(), BuildGraph, code)
        ->ArgName("threads")
        ->Arg(1)
        ->Arg(2)
        ->Iterations(1)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("Graph/search/" + code).c_str(), SearchGraph, code)
        ->ArgName("ef")
        ->Arg(32)
        ->Arg(64)
        ->Arg(128)
        ->Arg(256)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace granary::bench
