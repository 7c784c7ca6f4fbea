// Measures the figures that Granary is held to, beside hnswlib on the same data in the same
// process, and prints each with its limit. bench/README.md says what every figure means.
//
//   compare [--tsv] [--require-peers] [--data DIR] [--rounds N] [--only SUBJECT]... [--set SET]...
//
// Subjects: library, literal, insert, merge, table, graph, scan, build, parts; sets: mnist, glove,
// sums. DIR is where bench/data.sh put the sets (bench/data); one that is not there is left out.
// Exits 1 if a limit is missed, or with --require-peers if a peer is missing.
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
  size_t rounds = 5;
  std::vector<std::string> only;
  std::vector<std::string> sets;

  bool Wants(const std::string& subject) const { return Chosen(only, subject); }
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
    } else if (name == "--rounds" && has_value) {
      options.rounds = std::max(1, std::atoi(argv[++i]));
    } else if (name == "--only" && has_value) {
      options.only.push_back(argv[++i]);
    } else if (name == "--set" && has_value) {
      options.sets.push_back(argv[++i]);
    } else {
      throw std::invalid_argument(
          "usage: compare [--tsv] [--require-peers] [--data DIR] [--rounds N] "
          "[--only library|literal|insert|merge|table|graph|scan|build|parts]... "
          "[--set mnist|glove|sums]...");
    }
  }
  return options;
}

// Subjects of the sets; the costly ones are not measured on 2,000,000 vectors.
struct SetSubjects {
  bool table, scan, merge, build, parts;
};

void MeasureSet(const std::string& name, const VectorSetLimits& limits, const SetSubjects& subjects,
                const Options& options, Report& report) {
  if (!options.WantsSet(name)) return;
  const auto wants = [&](const char* subject, bool has) { return has && options.Wants(subject); };
  const bool table = wants("table", subjects.table);
  const bool scan = wants("scan", subjects.scan);
  const bool merge = wants("merge", subjects.merge);
  const bool build = wants("build", subjects.build);
  const bool parts = wants("parts", subjects.parts);
  const bool graph = wants("graph", true);
  if (!table && !scan && !merge && !build && !parts && !graph) return;
  if (!std::filesystem::exists(options.data + "/" + name + ".truth.ivecs")) {
    report.Note(name + ": not in " + options.data + "; bench/data.sh makes it");
    return;
  }
  const VectorSet set = LoadVectorSet(options.data, name);
  const auto progress = [&](const char* what) {
    std::fprintf(stderr, "%s: measuring %s\n", name.c_str(), what);
  };
  if (table) {
    progress("the table");
    MeasureTable(set, limits, options.rounds, report);
  }
  if (graph) {
    progress("the graph");
    MeasureGraphAgainstHnswlib(set, limits, options.rounds, report);
  }
  if (build) {
    progress("builds");
    MeasureBuild(set, report);
  }
  if (parts) {
    progress("ten graphs");
    MeasureSubIndexes(set, limits, options.rounds, report);
  }
  if (scan) {
    progress("the exact scan");
    MeasureScan(set, options.rounds, report);
  }
  if (merge) {
    progress("a merge");
    MeasureMerge(set, report);
  }
}

int Run(const Options& options) {
  Report report;
  if (options.Wants("library")) MeasureLibrary(report);
  if (options.Wants("insert")) MeasureInsert(options.rounds, report);
  if (options.Wants("literal")) MeasureLiteral(options.rounds, report);
  MeasureSet("mnist",
             {.default_recall = 0.99,
              .compared_recalls = {{0.98, 2.5}, {0.99, 2.5}},
              .bytes_per_vector = 0.3},
             {.table = true, .scan = true, .merge = true, .build = true, .parts = false}, options,
             report);
  MeasureSet("glove",
             {.default_recall = 0.97,
              .compared_recalls = {{0.95, 1.5}, {0.99, 1.4}},
              .bytes_per_vector = 0.5},
             {.table = true, .scan = true, .merge = true, .build = true, .parts = false}, options,
             report);
  MeasureSet("sums",
             {.default_recall = 0,
              .compared_recalls = {{0.95, 1.8}, {0.99, 1.6}},
              .bytes_per_vector = 0.5},
             {.table = false, .scan = false, .merge = false, .build = false, .parts = true},
             options, report);
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
