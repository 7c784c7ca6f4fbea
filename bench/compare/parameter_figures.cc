#include <algorithm>
#include <ctime>
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
    {"'fast': ", 16, 96}, {"", 16, 200}, {"'balanced': ", 32, 128}, {"'high_recall': ", 48, 320}};
constexpr size_t kWidths[] = {32, 64, 128, 256, 512};

// Of all threads of this process: what other processes do hardly matters.
double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// "recall, queries per second", the median of the rounds.
std::string MeasureWidth(const VectorSet& set, VectorGraph& graph, size_t ef, size_t rounds) {
  std::vector<double> seconds;
  double recall = 0;
  for (size_t round = 0; round < rounds; ++round) {
    const double begin = CpuSeconds();
    recall = RunSearches(set, ef, [&](auto query, size_t width, auto& rows) {
               graph.Search(query, width, 10, rows);
             }).recall;
    seconds.push_back(CpuSeconds() - begin);
  }
  return Format("%.4f, %.0f", recall, static_cast<double>(set.queries.rows) / Median(seconds));
}

}  // namespace

void MeasureParameters(const VectorSet& set, size_t rounds, Report& report) {
  const size_t threads = std::max(1u, std::thread::hardware_concurrency());
  for (const Parameters& parameters : kParameters) {
    const double begin = CpuSeconds();
    VectorGraph graph(set, {.m = parameters.m, .ef_construction = parameters.ef_construction},
                      threads);
    std::string row =
        Format("| %s | %s%zu, %zu | %.1f s | %zu |", set.name.c_str(), parameters.name,
               size_t{parameters.m}, size_t{parameters.ef_construction}, CpuSeconds() - begin,
               graph.byte_size() / set.base.rows);
    for (const size_t ef : kWidths) row += " " + MeasureWidth(set, graph, ef, rounds) + " |";
    report.Note(row);
  }
}

}  // namespace granary::bench
