// Measures the figures that Granary is held to, beside hnswlib on the same data in the same
// process, and prints each with its limit. bench/README.md says what every figure means.
//
//   compare [--tsv] [--data DIR] [--rounds N] [--only SUBJECT]...
//
// Subjects: library, literal, insert, merge, table, graph, scan. DIR is where bench/data.sh put the
// vector sets (bench/data). Exits 1 if a limit is missed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "granary/bench/compare/figures.h"

namespace {

using namespace granary::bench;

struct Options {
  bool tsv = false;
  std::string data = "bench/data";
  size_t rounds = 5;
  std::vector<std::string> only;

  bool Wants(const std::string& subject) const {
    return only.empty() || std::find(only.begin(), only.end(), subject) != only.end();
  }
};

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool has_value = i + 1 < argc;
    if (name == "--tsv") {
      options.tsv = true;
    } else if (name == "--data" && has_value) {
      options.data = argv[++i];
    } else if (name == "--rounds" && has_value) {
      options.rounds = std::max(1, std::atoi(argv[++i]));
    } else if (name == "--only" && has_value) {
      options.only.push_back(argv[++i]);
    } else {
      throw std::invalid_argument(
          "usage: compare [--tsv] [--data DIR] [--rounds N] "
          "[--only library|literal|insert|merge|table|graph|scan]...");
    }
  }
  return options;
}

void MeasureSet(const std::string& name, const VectorSetLimits& limits, const Options& options,
                Report& report) {
  const auto subjects = {"table", "graph", "scan", "merge"};
  if (std::none_of(subjects.begin(), subjects.end(),
                   [&](const char* subject) { return options.Wants(subject); })) {
    return;
  }
  const VectorSet set = LoadVectorSet(options.data, name);
  const auto progress = [&](const char* what) {
    std::fprintf(stderr, "%s: measuring %s\n", name.c_str(), what);
  };
  if (options.Wants("table")) {
    progress("the table");
    MeasureTable(set, limits, options.rounds, report);
  }
  if (options.Wants("graph")) {
    progress("the graph");
    MeasureGraphAgainstHnswlib(set, limits, options.rounds, report);
  }
  if (options.Wants("scan")) {
    progress("the exact scan");
    MeasureScan(set, options.rounds, report);
  }
  if (options.Wants("merge")) {
    progress("a merge");
    MeasureMerge(set, report);
  }
}

int Run(const Options& options) {
  Report report;
  if (options.Wants("library")) MeasureLibrary(report);
  if (options.Wants("literal")) MeasureLiteral(options.rounds, report);
  if (options.Wants("insert")) MeasureInsert(options.rounds, report);
  MeasureSet("mnist", {.default_recall = 0.99, .compared_recalls = {0.98, 0.99}}, options, report);
  MeasureSet("glove", {.default_recall = 0.97, .compared_recalls = {0.95, 0.99}}, options, report);
  options.tsv ? report.PrintTsv() : report.Print();
  return report.AllMet() ? 0 : 1;
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
