#include "granary/bench/compare/recall_curve.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "granary/bench/compare/report.h"

namespace granary::bench {
namespace {

constexpr size_t kWidths[] = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768};
constexpr size_t kWideWidths[] = {1024, 1536, 2048, 3072, 4096, 6144, 8192};

bool ReachRecall(const std::vector<RecallCurve>& curves, double recall) {
  return std::all_of(curves.begin(), curves.end(),
                     [&](const RecallCurve& curve) { return curve.back().recall >= recall; });
}

}  // namespace

SearchRun RunSearches(const VectorSet& set, size_t ef, const SearchTen& search) {
  std::vector<std::vector<uint32_t>> found(set.queries.rows);
  const auto begin = std::chrono::steady_clock::now();
  for (size_t query = 0; query < set.queries.rows; ++query) {
    search(set.queries.Row(query), ef, found[query]);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  return {elapsed.count(), RecallAt10(set, found)};
}

std::vector<RecallCurve> MeasureCurves(const VectorSet& set, std::span<const SearchTen> searchers,
                                       double recall, size_t rounds) {
  std::vector<RecallCurve> curves = MeasureCurves(set, searchers, kWidths, rounds);
  for (const size_t& ef : kWideWidths) {
    if (ReachRecall(curves, recall)) break;
    const std::vector<RecallCurve> wider = MeasureCurves(set, searchers, {&ef, 1}, rounds);
    for (size_t i = 0; i < curves.size(); ++i) curves[i].push_back(wider[i].front());
  }
  return curves;
}

std::vector<RecallCurve> MeasureCurves(const VectorSet& set, std::span<const SearchTen> searchers,
                                       std::span<const size_t> widths, size_t rounds) {
  std::vector<RecallCurve> curves(searchers.size());
  // The first searches bring files into memory.
  if (widths.size() > 1) {
    for (const SearchTen& searcher : searchers) RunSearches(set, widths.front(), searcher);
  }
  for (size_t ef : widths) {
    std::vector<std::vector<double>> seconds(searchers.size());
    std::vector<double> recalls(searchers.size());
    for (size_t round = 0; round < rounds; ++round) {
      for (size_t i = 0; i < searchers.size(); ++i) {
        const SearchRun run = RunSearches(set, ef, searchers[i]);
        seconds[i].push_back(run.seconds);
        recalls[i] = run.recall;
      }
    }
    for (size_t i = 0; i < searchers.size(); ++i) {
      const double speed = static_cast<double>(set.queries.rows) / Median(seconds[i]);
      curves[i].push_back({ef, recalls[i], speed});
    }
  }
  return curves;
}

std::optional<double> SpeedAt(const RecallCurve& curve, double recall) {
  std::optional<double> fastest;
  for (size_t i = 0; i < curve.size(); ++i) {
    const CurvePoint& above = curve[i];
    if (above.recall < recall) continue;
    double speed = above.queries_per_second;
    if (i > 0 && curve[i - 1].recall < recall) {
      const CurvePoint& below = curve[i - 1];
      const double share = (recall - below.recall) / (above.recall - below.recall);
      speed = std::exp(std::lerp(std::log(below.queries_per_second), std::log(speed), share));
    }
    fastest = std::max(fastest.value_or(0), speed);
  }
  return fastest;
}

double SpeedRatio(const RecallCurve& first, const RecallCurve& second, double recall) {
  const auto of_first = SpeedAt(first, recall);
  if (!of_first || second.empty()) return 0;
  return *of_first / SpeedAt(second, recall).value_or(second.back().queries_per_second);
}

std::string Describe(const std::string& name, const RecallCurve& curve) {
  std::string text = name + ": ef recall@10 queries/s";
  for (const CurvePoint& point : curve) {
    text += Format("\n  %4zu %.4f %8.0f", point.ef, point.recall, point.queries_per_second);
  }
  return text;
}

}  // namespace granary::bench
