#include <chrono>
#include <thread>

#include "granary/bench/compare/figures.h"
#include "granary/bench/compare/recall_curve.h"
#include "granary/bench/scratch_directory.h"
#include "granary/bench/vector_graph.h"
#include "granary/bench/vector_table.h"

namespace granary::bench {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::unique_ptr<Database> OpenDatabase(const std::string& path) {
  DatabaseOptions options;
  options.path = path;
  options.settings.max_threads = 1;
  return Database::Open(std::move(options));
}

double FillTable(const std::string& path, const VectorSet& set) {
  DatabaseOptions options;
  options.path = path;
  const auto database = Database::Open(std::move(options));
  CreateVectorTable(*database, set, DefaultIndex(set));
  const auto begin = std::chrono::steady_clock::now();
  database->Insert("vectors", VectorBlock(set, 0, set.base.rows));
  return SecondsSince(begin);
}

double OpenAndSearchSeconds(const std::string& path, const VectorSet& set) {
  std::vector<uint32_t> rows;
  const auto begin = std::chrono::steady_clock::now();
  const auto database = OpenDatabase(path);
  Session session(database.get());
  TableSearch(session, set, 10).Search(set.queries.Row(0), rows);
  return SecondsSince(begin);
}

void MeasureOpen(const std::string& path, const VectorSet& set, size_t rounds, Report& report) {
  std::vector<double> seconds;
  for (size_t round = 0; round < rounds; ++round) {
    seconds.push_back(OpenAndSearchSeconds(path, set));
  }
  report.Add({.name = set.name + ": open and first query",
              .measured = 1000 * Median(seconds),
              .unit = "ms",
              .bound = Bound::kAtMost,
              .limit = 5});
}

void MeasureStatement(const std::string& path, const VectorSet& set, const VectorSetLimits& limits,
                      size_t rounds, Report& report) {
  const size_t ef = QuerySettings().hnsw_candidate_list_size_for_search;
  VectorGraph graph(set, {}, std::max(1u, std::thread::hardware_concurrency()));
  const auto database = OpenDatabase(path);
  Session session(database.get());
  TableSearch table(session, set, 10);

  std::vector<double> prepared, bare;
  double recall = 0;
  double bare_recall = 0;
  for (size_t round = 0; round < rounds; ++round) {
    const SearchRun prepared_run =
        RunSearches(set, ef, [&](auto query, size_t, auto& rows) { table.Search(query, rows); });
    const SearchRun bare_run = RunSearches(set, ef, [&](auto query, size_t width, auto& rows) {
      graph.Search(query, width, 10, rows);
    });
    prepared.push_back(prepared_run.seconds);
    bare.push_back(bare_run.seconds);
    recall = prepared_run.recall;
    bare_recall = bare_run.recall;
  }
  const auto queries = static_cast<double>(set.queries.rows);
  report.Note(Format("%s at defaults: prepared %.0f queries/s at recall %.4f, bare %.0f at %.4f",
                     set.name.c_str(), queries / Median(prepared), recall, queries / Median(bare),
                     bare_recall));
  report.Add({.name = set.name + ": recall@10 at defaults",
              .measured = recall,
              .limit = limits.default_recall});
  report.Add({.name = set.name + ": time of a prepared statement / bare search",
              .measured = Median(prepared) / Median(bare),
              .bound = Bound::kAtMost,
              .limit = 1 / 0.85});
}

}  // namespace

void MeasureTable(const VectorSet& set, const VectorSetLimits& limits, size_t rounds,
                  Report& report) {
  const ScratchDirectory directory;
  const std::string path = directory.Path(set.name);
  report.Note(Format("%s: insert of %zu vectors with the default index, fsync full: %.1f s",
                     set.name.c_str(), set.base.rows, FillTable(path, set)));
  MeasureOpen(path, set, rounds, report);
  MeasureStatement(path, set, limits, rounds, report);
}

}  // namespace granary::bench
