#include <filesystem>
#include <memory>
#include <thread>

#include "granary/bench/compare/clickhouse_vectors.h"
#include "granary/bench/compare/faiss_peer.h"
#include "granary/bench/compare/figures.h"
#include "granary/bench/compare/hnswlib_peer.h"
#include "granary/bench/compare/recall_plot.h"
#include "granary/bench/compare/statement_search.h"
#include "granary/bench/scratch_directory.h"

namespace granary::bench {
namespace {

constexpr size_t kQueries = 400;
constexpr size_t kWidths[] = {10, 16, 32, 64, 128, 256, 512};
constexpr size_t kConnections = 16;
constexpr size_t kConstructionWidth = 200;

VectorSet WithFewerQueries(VectorSet set) {
  set.queries.rows = std::min(set.queries.rows, kQueries);
  return set;
}

}  // namespace

void PlotRecall(const VectorSet& whole_set, const std::string& library,
                const std::string& directory, Report& report) {
  const VectorSet set = WithFewerQueries(whole_set);
  const size_t threads = std::max(1u, std::thread::hardware_concurrency());
  const ScratchDirectory scratch;
  StatementSearch statements(scratch.Path("granary"), set, threads);
  std::vector<std::string> names = {"Granary (statement, defaults)"};
  std::vector<SearchTen> searchers = {
      [&](auto query, size_t ef, auto& rows) { statements.Search(query, ef, rows); }};

  std::unique_ptr<HnswlibPeer> hnswlib;
  if (HnswlibPeer::IsAvailable()) {
    hnswlib = std::make_unique<HnswlibPeer>(set, kConnections, kConstructionWidth, threads);
    names.push_back("hnswlib, M 16");
    searchers.push_back(
        [&](auto query, size_t ef, auto& rows) { hnswlib->Search(query, ef, 10, rows); });
  }
  std::unique_ptr<FaissPeer> faiss;
  if (FaissPeer::IsAvailable()) {
    faiss = std::make_unique<FaissPeer>(set, kConnections, kConstructionWidth);
    names.push_back(FaissPeer::Description() + ", M 16");
    searchers.push_back([&](auto query, size_t ef, auto& rows) { faiss->Search(query, ef, rows); });
  }
  const auto clickhouse =
      ClickHousePeer::Open(library, std::filesystem::absolute(scratch.Path("clickhouse")).string());
  if (clickhouse != nullptr) {
    const std::string rows = scratch.Path("rows");
    WriteRowBinary(set, rows);
    FillClickHouse(*clickhouse, set, rows, threads);
    names.push_back(clickhouse->Description());
    searchers.push_back([&](auto query, size_t ef, auto& found) {
      clickhouse->QueryRows(NeighborStatement(set, query, ef), found);
    });
  }
  const auto curves = MeasureCurves(set, searchers, kWidths, 1);
  std::vector<PlotSeries> series;
  for (size_t i = 0; i < curves.size(); ++i) {
    series.push_back({names[i], curves[i]});
    report.Note(Describe(set.name + ", " + names[i], curves[i]));
  }
  const std::string path = directory + "/recall-" + set.name + ".svg";
  WriteRecallPlot(path, set.name + Format(": %zu x %zu", set.base.rows, set.base.dimensions),
                  series);
  report.Note("wrote " + path);
}

}  // namespace granary::bench
