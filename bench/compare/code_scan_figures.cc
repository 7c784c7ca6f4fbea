#include <chrono>
#include <map>
#include <stdexcept>

#include "granary/bench/compare/figures.h"
#include "granary/bench/compare/recall_curve.h"
#include "granary/bench/scratch_directory.h"
#include "granary/bench/vector_table.h"

namespace granary::bench {
namespace {

constexpr size_t kScans = 50;
constexpr double kGraphRecall = 0.95;

std::unique_ptr<Database> Open(const std::string& path, size_t threads) {
  DatabaseOptions options;
  options.path = path;
  options.threads = threads;
  return Database::Open(std::move(options));
}

TableSearch Prepare(Session& session, const VectorSet& set, const std::string& setting) {
  session.Execute("SET " + setting);
  return TableSearch(session, set, 10);
}

double Seconds(TableSearch& search, std::span<const float> query, std::vector<uint32_t>& rows) {
  const auto begin = std::chrono::steady_clock::now();
  search.Search(query, rows);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The median seconds of a scan by codes; compares it with the plain scan.
double MeasureScans(const std::string& path, const VectorSet& set, size_t threads, size_t rounds,
                    Report& report) {
  const auto database = Open(path, threads);
  Session session(database.get());
  session.Execute("SYSTEM WARM TABLE vectors");
  TableSearch by_codes = Prepare(session, set, "vector_search_method = 'scan'");
  TableSearch plain = Prepare(session, set, "use_skip_indexes = 0");
  // In turn by the round, not by the scan, as the plain one takes the codes out of the caches.
  TableSearch* searches[] = {&by_codes, &plain};
  std::vector<double> seconds[2];
  std::vector<std::vector<uint32_t>> found[2];
  for (size_t round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < std::size(searches); ++i) {
      found[i].assign(kScans, {});
      for (size_t query = 0; query < kScans; ++query) {
        seconds[i].push_back(Seconds(*searches[i], set.queries.Row(query), found[i][query]));
      }
    }
    if (found[0] != found[1]) throw std::runtime_error("a scan by codes finds other rows");
  }
  const double code_scan = Median(seconds[0]);
  report.Note(Format("%s: exact scan by codes on %zu threads %.2f ms, plain %.2f ms, the same rows",
                     set.name.c_str(), threads, 1e3 * code_scan, 1e3 * Median(seconds[1])));
  report.Add({.name = Format("%s: exact scan by codes / plain scan, %zu threads", set.name.c_str(),
                             threads),
              .measured = Median(seconds[1]) / code_scan,
              .limit = 2});
  return code_scan;
}

RecallCurve CurveOfGraph(const std::string& path, const VectorSet& set) {
  const auto database = Open(path, 1);
  Session session(database.get());
  session.Execute("SET vector_search_method = 'graph'");
  std::map<size_t, TableSearch> by_width;
  const SearchTen search = [&](std::span<const float> query, size_t ef,
                               std::vector<uint32_t>& rows) {
    auto prepared = by_width.find(ef);
    if (prepared == by_width.end()) {
      const std::string setting = "hnsw_candidate_list_size_for_search = " + std::to_string(ef);
      prepared = by_width.emplace(ef, Prepare(session, set, setting)).first;
    }
    prepared->second.Search(query, rows);
  };
  return MeasureCurves(set, {&search, 1}, kGraphRecall, 1).front();
}

}  // namespace

void MeasureCodeScan(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                     Report& report) {
  const ScratchDirectory directory;
  const std::string path = directory.Path(set.name);
  {
    const auto database = Open(path, 2);
    CreateVectorTable(*database, set, DefaultIndex(set));
    database->Insert("vectors", VectorBlock(set, 0, set.base.rows));
  }
  MeasureScans(path, set, 2, rounds, report);
  const double scan = MeasureScans(path, set, 1, rounds, report);
  const RecallCurve graph = CurveOfGraph(path, set);
  report.Note(Describe(set.name + ", graph with default arguments, through a statement", graph));
  const auto speed = SpeedAt(graph, kGraphRecall);
  report.Add({.name = set.name + ": graph at recall 0.95 / scan by codes",
              .measured = speed ? *speed * scan : 0,
              .limit = limits.graph_over_scan});
}

}  // namespace granary::bench
