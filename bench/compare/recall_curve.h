// Speed and recall of a searcher at several widths of its search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/bench/vector_set.h"

namespace granary::bench {

// Searches the 10 nearest with the given ef and leaves their row numbers in `rows`.
using SearchTen =
    std::function<void(std::span<const float> query, size_t ef, std::vector<uint32_t>& rows)>;

struct SearchRun {
  double seconds = 0;  // over all queries, one after the other
  double recall = 0;
};

SearchRun RunSearches(const VectorSet& set, size_t ef, const SearchTen& search);

struct CurvePoint {
  size_t ef = 0;
  double recall = 0;
  double queries_per_second = 0;  // the median of the rounds
};

using RecallCurve = std::vector<CurvePoint>;

// One curve per searcher, measured in interleaved rounds: in each round, at each ef, every searcher
// runs all queries in turn. The widths go up to 768, and on to 8192 until all reach the recall.
std::vector<RecallCurve> MeasureCurves(const VectorSet& set, std::span<const SearchTen> searchers,
                                       double recall, size_t rounds);
std::vector<RecallCurve> MeasureCurves(const VectorSet& set, std::span<const SearchTen> searchers,
                                       std::span<const size_t> widths, size_t rounds);

// Queries per second at a recall: between the points on both sides of it (its logarithm taken as
// linear in the recall), or at a point beyond where that is faster; nothing if the curve does not
// reach the recall.
std::optional<double> SpeedAt(const RecallCurve& curve, double recall);

// The speed of the first curve over that of the second at a recall; 0 if the first does not reach
// it. If the second does not, over its speed at the end of its curve, where it finds less: it would
// be slower still, and the ratio larger.
double SpeedRatio(const RecallCurve& first, const RecallCurve& second, double recall);

// "ef recall queries/s", point by point.
std::string Describe(const std::string& name, const RecallCurve& curve);

}  // namespace granary::bench
