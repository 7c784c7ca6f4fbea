#include "granary/bench/compare/recall_plot.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

#include "granary/bench/compare/report.h"

namespace granary::bench {
namespace {

constexpr double kLeft = 70, kRight = 620, kTop = 40, kBottom = 360, kWidth = 860, kHeight = 410;
constexpr double kLeastRecall = 0.8, kMostRecall = 0.9995;
constexpr double kRecallTicks[] = {0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999};
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555"};

double RightOf(double recall) {
  const auto scaled = [](double value) { return -std::log(1 - value); };
  const double share = (scaled(std::min(recall, kMostRecall)) - scaled(kLeastRecall)) /
                       (scaled(kMostRecall) - scaled(kLeastRecall));
  return std::lerp(kLeft, kRight, share);
}

// Powers of ten around all speeds.
struct SpeedAxis {
  double least = 1e12, most = 0;

  explicit SpeedAxis(std::span<const PlotSeries> series) {
    for (const PlotSeries& one : series) {
      for (const CurvePoint& point : one.curve) {
        least = std::min(least, point.queries_per_second);
        most = std::max(most, point.queries_per_second);
      }
    }
    least = std::pow(10, std::floor(std::log10(least)));
    most = std::pow(10, std::ceil(std::log10(most)));
  }
  double UpOf(double speed) const {
    return std::lerp(kBottom, kTop, std::log(speed / least) / std::log(most / least));
  }
};

std::string Line(double x1, double y1, double x2, double y2) {
  return Format("<line x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f' stroke='#ddd'/>\n", x1, y1, x2, y2);
}

std::string Text(double x, double y, const char* anchor, const std::string& text) {
  return Format("<text x='%.1f' y='%.1f' text-anchor='%s'>", x, y, anchor) + text + "</text>\n";
}

std::string Drawn(const PlotSeries& series, const SpeedAxis& axis, const char* color) {
  std::string points;
  std::string dots;
  for (const CurvePoint& point : series.curve) {
    if (point.recall < kLeastRecall) continue;
    const double x = RightOf(point.recall);
    const double y = axis.UpOf(point.queries_per_second);
    points += Format("%.1f,%.1f ", x, y);
    dots += Format("<circle cx='%.1f' cy='%.1f' r='3' fill='%s'/>\n", x, y, color);
  }
  return Format("<polyline fill='none' stroke-width='2' stroke='%s' points='", color) + points +
         "'/>\n" + dots;
}

}  // namespace

void WriteRecallPlot(const std::string& path, const std::string& title,
                     std::span<const PlotSeries> series) {
  const SpeedAxis axis(series);
  std::ofstream out(path);
  out << Format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %.0f %.0f' "
      "font-family='sans-serif' font-size='12'>\n<rect width='100%%' height='100%%' "
      "fill='white'/>\n",
      kWidth, kHeight);
  out << Text(kLeft, kTop - 18, "start", title);
  for (const double recall : kRecallTicks) {
    out << Line(RightOf(recall), kTop, RightOf(recall), kBottom)
        << Text(RightOf(recall), kBottom + 18, "middle", Format("%.4g", recall));
  }
  for (double speed = axis.least; speed <= axis.most * 1.01; speed *= 10) {
    out << Line(kLeft, axis.UpOf(speed), kRight, axis.UpOf(speed))
        << Text(kLeft - 8, axis.UpOf(speed) + 4, "end", Format("%.0f", speed));
  }
  out << Text((kLeft + kRight) / 2, kBottom + 38, "middle",
              "recall@10 (queries/s upwards, one thread)");
  for (size_t i = 0; i < series.size(); ++i) {
    const char* color = kColors[i % std::size(kColors)];
    const double y = kTop + 20 * static_cast<double>(i) + 10;
    out << Drawn(series[i], axis, color)
        << Format("<rect x='%.1f' y='%.1f' width='12' height='4' fill='%s'/>\n", kRight + 15, y - 6,
                  color)
        << Text(kRight + 32, y, "start", series[i].name);
  }
  out << "</svg>\n";
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace granary::bench
