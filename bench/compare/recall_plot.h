// A plot of recall against speed as an SVG file.
#pragma once

#include <span>
#include <string>

#include "granary/bench/compare/recall_curve.h"

namespace granary::bench {

struct PlotSeries {
  std::string name;
  RecallCurve curve;
};

// Recall@10 to the right, from .8 to 1 so that what is missing to 1 is halved at even steps;
// queries per second upwards, logarithmic. Points below recall .8 are left out. Throws
// std::runtime_error if the file cannot be written.
void WriteRecallPlot(const std::string& path, const std::string& title,
                     std::span<const PlotSeries> series);

}  // namespace granary::bench
