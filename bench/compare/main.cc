// Measures the figures that Granary is held to, beside hnswlib on the same data in the same
// process, and prints each with its limit. bench/README.md says what every figure means.
//
//   compare [--tsv] [--require-peers] [--data DIR] [--clickhouse LIBRARY] [--rounds N]
//           [--plots DIR] [--only SUBJECT]... [--set SET]...
//
// Subjects: library, literal, insert, merge, table, graph, scan, codes, build, parts, clickhouse,
// filters, selectivity, parameters; sets: mnist, glove, sums. DIR is where bench/data.sh put the
// sets (bench/data); one that is not there is left out. LIBRARY is libchdb.so of the npm package
// chdb (DIR/libchdb.so). --plots draws recall against speed into a directory, and measures nothing
// else that is not named. Exits 1 if a limit is missed, or with --require-peers if a peer is
// missing.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "granary/bench/compare/figures.h"

namespace {

using namespace granary::bench;

struct Options {
  bool tsv = false;
  bool require_peers = false;
  std::string data = "bench/data";
  std::string clickhouse;
  std::string plots;  // empty: none
  size_t rounds = 5;
  std::vector<std::string> only;
  std::vector<std::string> sets;

  bool Wants(const std::string& subject) const {
    return (plots.empty() || !only.empty()) && Chosen(only, subject);
  }
  bool WantsSet(const std::string& set) const { return Chosen(sets, set); }

 private:
  static bool Chosen(const std::vector<std::string>& names, const std::string& name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
  }
};

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool has_value = i + 1 < argc;
    if (name == "--tsv") {
      options.tsv = true;
    } else if (name == "--require-peers") {
      options.require_peers = true;
    } else if (name == "--data" && has_value) {
      options.data = argv[++i];
    } else if (name == "--plots" && has_value) {
      options.plots = argv[++i];
    } else if (name == "--clickhouse" && has_value) {
      options.clickhouse = argv[++i];
    } else if (name == "--rounds" && has_value) {
      options.rounds = std::max(1, std::atoi(argv[++i]));
    } else if (name == "--only" && has_value) {
      options.only.push_back(argv[++i]);
    } else if (name == "--set" && has_value) {
      options.sets.push_back(argv[++i]);
    } else {
      throw std::invalid_argument(
          "usage: compare [--tsv] [--require-peers] [--data DIR] [--clickhouse LIBRARY] "
          "[--rounds N] [--plots DIR] [--only "
          "library|literal|insert|merge|table|graph|scan|codes|build|parts|"
          "clickhouse|filters|selectivity|parameters]... "
          "[--set mnist|glove|sums]...");
    }
  }
  if (options.clickhouse.empty()) options.clickhouse = options.data + "/libchdb.so";
  return options;
}

void MeasureSet(const std::string& name, const VectorSetLimits& limits,
                const std::vector<std::string>& subjects, const Options& options, Report& report) {
  if (!options.WantsSet(name)) return;
  const auto wants = [&](const std::string& subject) {
    return subject == "plot" ? !options.plots.empty() : options.Wants(subject);
  };
  if (std::none_of(subjects.begin(), subjects.end(), wants)) return;
  if (!std::filesystem::exists(options.data + "/" + name + ".truth.ivecs")) {
    report.Note(name + ": not in " + options.data + "; bench/data.sh makes it");
    return;
  }
  const VectorSet set = LoadVectorSet(options.data, name);
  const auto measure = [&](const char* subject, auto&& run) {
    const bool has = std::find(subjects.begin(), subjects.end(), subject) != subjects.end();
    if (!has || !wants(subject)) return;
    std::fprintf(stderr, "%s: measuring %s\n", name.c_str(), subject);
    run();
  };
  const size_t rounds = options.rounds;
  measure("table", [&] { MeasureTable(set, limits, rounds, report); });
  measure("graph", [&] { MeasureGraphAgainstHnswlib(set, limits, rounds, report); });
  measure("build", [&] { MeasureBuild(set, report); });
  measure("parts", [&] { MeasureSubIndexes(set, limits, rounds, report); });
  measure("clickhouse",
          [&] { MeasureClickHouse(set, limits, options.clickhouse, rounds, report); });
  measure("filters", [&] { MeasureFilters(set, options.clickhouse, rounds, report); });
  measure("parameters", [&] { MeasureParameters(set, rounds, report); });
  measure("plot", [&] { PlotRecall(set, options.clickhouse, options.plots, report); });
  measure("codes", [&] { MeasureCodeScan(set, limits, rounds, report); });
  measure("selectivity", [&] { MeasureSelectivity(set, rounds, report); });
  measure("scan", [&] { MeasureScan(set, rounds, report); });
  measure("merge", [&] { MeasureMerge(set, report); });
}

int Run(const Options& options) {
  Report report;
  if (options.Wants("library")) MeasureLibrary(report);
  if (options.Wants("insert")) MeasureInsert(options.rounds, report);
  if (options.Wants("literal")) MeasureLiteral(options.rounds, report);
  MeasureSet(
      "mnist",
      {.default_recall = 0.99,
       .compared_recalls = {{0.98, 2.5}, {0.99, 2.5}},
       .bytes_per_vector = 0.3,
       .clickhouse_recalls = {{0.99, 70}}},
      {"table", "graph", "build", "clickhouse", "parameters", "plot", "scan", "codes", "merge"},
      options, report);
  MeasureSet("glove",
             {.default_recall = 0.97,
              .compared_recalls = {{0.95, 1.5}, {0.99, 1.4}},
              .bytes_per_vector = 0.5,
              .clickhouse_recalls = {{0.95, 15}, {0.99, 8}}},
             {"table", "graph", "build", "clickhouse", "filters", "selectivity", "parameters",
              "plot", "scan", "codes", "merge"},
             options, report);
  MeasureSet("sums",
             {.default_recall = 0,
              .compared_recalls = {{0.95, 1.8}, {0.99, 1.6}},
              .bytes_per_vector = 0.5,
              .graph_over_scan = 4},
             {"graph", "parts", "codes"}, options, report);
  options.tsv ? report.PrintTsv() : report.Print();
  return report.AllMet(options.require_peers) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(ParseOptions(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compare: %s\n", error.what());
    return 2;
  }
}
