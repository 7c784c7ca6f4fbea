#include <algorithm>
#include <thread>

#include "granary/bench/compare/figures.h"
#include "granary/bench/compare/recall_curve.h"
#include "granary/bench/vector_graph.h"

namespace granary::bench {
namespace {

struct Parameters {
  const char* name;  // of the preset, if it is one
  uint64_t m;
  uint64_t ef_construction;
};
constexpr Parameters kParameters[] = {
    {"'fast'", 16, 96}, {"", 16, 200}, {"'balanced'", 32, 128}, {"'high_recall'", 48, 320}};
constexpr size_t kWidths[] = {32, 64, 128, 256, 512};

}  // namespace

void MeasureParameters(const VectorSet& set, size_t rounds, Report& report) {
  const size_t threads = std::max(1u, std::thread::hardware_concurrency());
  for (const Parameters& parameters : kParameters) {
    VectorGraph graph(set, {.m = parameters.m, .ef_construction = parameters.ef_construction},
                      threads);
    const SearchTen searchers[] = {
        [&](auto query, size_t ef, auto& rows) { graph.Search(query, ef, 10, rows); }};
    const RecallCurve curve = MeasureCurves(set, searchers, kWidths, rounds)[0];
    std::string row =
        Format("| %s | %s %zu, %zu | %.1f s | %zu |", set.name.c_str(), parameters.name,
               size_t{parameters.m}, size_t{parameters.ef_construction}, graph.build_seconds(),
               graph.byte_size() / set.base.rows);
    for (const CurvePoint& point : curve) {
      row += Format(" %.4f, %.0f |", point.recall, point.queries_per_second);
    }
    report.Note(row);
  }
}

}  // namespace granary::bench
