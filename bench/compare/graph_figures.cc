#include <thread>

#include "granary/bench/compare/figures.h"
#include "granary/bench/compare/hnswlib_peer.h"
#include "granary/bench/compare/recall_curve.h"
#include "granary/bench/vector_graph.h"

namespace granary::bench {
namespace {

constexpr GraphArguments kArguments = {.quantization = "f32", .m = 16, .ef_construction = 200};

}  // namespace

void MeasureGraphAgainstHnswlib(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                                Report& report) {
  const size_t threads = std::max(1u, std::thread::hardware_concurrency());
  VectorGraph graph(set, kArguments, threads);
  HnswlibPeer peer(set, kArguments.m, kArguments.ef_construction);
  report.Note(
      Format("%s: graph f32 M16 efC200 built in %.1f s, %zu bytes per vector; %s in %.1f s; "
             "%zu threads",
             set.name.c_str(), graph.build_seconds(), graph.byte_size() / set.base.rows,
             HnswlibPeer::Description().c_str(), peer.build_seconds(), threads));

  const SearchTen searchers[] = {
      [&](auto query, size_t ef, auto& rows) { graph.Search(query, ef, 10, rows); },
      [&](auto query, size_t ef, auto& rows) { peer.Search(query, ef, 10, rows); }};
  const auto curves = MeasureCurves(set, searchers, rounds);
  report.Note(Describe(set.name + ", granary", curves[0]));
  report.Note(Describe(set.name + ", hnswlib", curves[1]));

  for (double recall : limits.compared_recalls) {
    const auto ours = SpeedAt(curves[0], recall);
    const auto theirs = SpeedAt(curves[1], recall);
    report.Add(
        {.name = Format("%s: graph search / hnswlib at recall %.2f", set.name.c_str(), recall),
         .measured = ours && theirs ? *ours / *theirs : 0,
         .limit = 1});
  }
}

}  // namespace granary::bench
