#include <algorithm>
#include <thread>

#include "granary/bench/compare/figures.h"
#include "granary/bench/compare/hnswlib_peer.h"
#include "granary/bench/compare/recall_curve.h"
#include "granary/bench/vector_graph.h"

namespace granary::bench {
namespace {

constexpr uint64_t kConnections = 16;
constexpr uint64_t kConstructionWidth = 200;
constexpr size_t kSubIndexes = 10;

const GraphArguments& Arguments() {
  static const GraphArguments arguments{.m = kConnections, .ef_construction = kConstructionWidth};
  return arguments;
}

size_t Threads() { return std::max(1u, std::thread::hardware_concurrency()); }

double MostRecall(const VectorSetLimits& limits) {
  double most = 0;
  for (const auto& [recall, limit] : limits.compared_recalls) most = std::max(most, recall);
  return most;
}

HnswlibPeer BuildPeer(const VectorSet& set, size_t threads) {
  return HnswlibPeer(set, kConnections, kConstructionWidth, threads);
}

template <class Index>
SearchTen SearchIn(Index& index) {
  return [&](auto query, size_t ef, auto& rows) { index.Search(query, ef, 10, rows); };
}

}  // namespace

void MeasureGraphAgainstHnswlib(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                                Report& report) {
  const bool is_missing = !HnswlibPeer::IsAvailable();
  std::vector<RecallCurve> curves;
  double bytes_ratio = 0;
  if (!is_missing) {
    VectorGraph graph(set, Arguments(), Threads());
    HnswlibPeer peer = BuildPeer(set, Threads());
    bytes_ratio = static_cast<double>(graph.byte_size()) / static_cast<double>(peer.byte_size());
    report.Note(Format("%s: graph i8 M16 efC200, %zu bytes per vector; %s, %zu bytes per vector",
                       set.name.c_str(), graph.byte_size() / set.base.rows,
                       HnswlibPeer::Description().c_str(), peer.byte_size() / set.base.rows));
    const SearchTen searchers[] = {SearchIn(graph), SearchIn(peer)};
    curves = MeasureCurves(set, searchers, MostRecall(limits), rounds);
    report.Note(Describe(set.name + ", granary", curves[0]));
    report.Note(Describe(set.name + ", hnswlib", curves[1]));
  }
  for (const auto& [recall, limit] : limits.compared_recalls) {
    report.Add(
        {.name = Format("%s: graph search / hnswlib at recall %.2f", set.name.c_str(), recall),
         .measured = is_missing ? 0 : SpeedRatio(curves[0], curves[1], recall),
         .limit = limit,
         .is_missing = is_missing});
  }
  report.Add({.name = set.name + ": index bytes / hnswlib, both M 16",
              .measured = bytes_ratio,
              .bound = Bound::kAtMost,
              .limit = limits.bytes_per_vector,
              .is_missing = is_missing});
}

void MeasureBuild(const VectorSet& set, Report& report) {
  const bool is_missing = !HnswlibPeer::IsAvailable();
  double seconds[2] = {};
  for (const size_t threads : {1, 2}) {
    VectorGraph graph(set, Arguments(), threads);
    seconds[threads - 1] = graph.build_seconds();
    double ratio = 0;
    double recall = 0;
    if (!is_missing) {
      HnswlibPeer peer = BuildPeer(set, threads);
      ratio = peer.build_seconds() / graph.build_seconds();
      // The mean over widths of the search of the difference in recall.
      constexpr size_t kWidths[] = {32, 64, 128, 256};
      for (size_t ef : kWidths) {
        recall += (RunSearches(set, ef, SearchIn(graph)).recall -
                   RunSearches(set, ef, SearchIn(peer)).recall) /
                  std::size(kWidths);
      }
      report.Note(
          Format("%s: build M16 efC200 on %zu threads: %.1f s; hnswlib %.1f s; recall at "
                 "equal width %+.4f",
                 set.name.c_str(), threads, graph.build_seconds(), peer.build_seconds(), recall));
    }
    report.Add(
        {.name = Format("%s: speed of a build / hnswlib, %zu threads", set.name.c_str(), threads),
         .measured = ratio,
         .limit = 4,
         .is_missing = is_missing});
    report.Add({.name = Format("%s: recall at equal width - hnswlib, %zu threads", set.name.c_str(),
                               threads),
                .measured = recall,
                .limit = -0.001,
                .is_missing = is_missing});
  }
  report.Add({.name = set.name + ": speed of a build on 2 threads / on 1",
              .measured = seconds[0] / seconds[1],
              .limit = 1.8});
}

void MeasureSubIndexes(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                       Report& report) {
  GraphArguments ten = Arguments();
  ten.sub_indexes = kSubIndexes;
  VectorGraph one_graph(set, Arguments(), Threads());
  VectorGraph ten_graphs(set, ten, Threads());
  const SearchTen searchers[] = {SearchIn(one_graph), SearchIn(ten_graphs)};
  const auto curves = MeasureCurves(set, searchers, MostRecall(limits), rounds);
  report.Note(Describe(set.name + ", one graph", curves[0]));
  report.Note(Describe(set.name + ", ten graphs", curves[1]));
  for (const auto& [recall, limit] : limits.compared_recalls) {
    report.Add(
        {.name = Format("%s: cost of 10 graphs / of one at recall %.2f", set.name.c_str(), recall),
         .measured = SpeedRatio(curves[0], curves[1], recall),
         .bound = Bound::kAtMost,
         .limit = 4});
  }
}

}  // namespace granary::bench
