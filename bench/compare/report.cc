#include "granary/bench/compare/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace granary::bench {
namespace {

const char* BoundText(const Figure& figure) {
  return figure.bound == Bound::kAtLeast ? "at least" : "at most";
}

std::string MeasuredText(const Figure& figure, int digits) {
  return figure.is_missing ? "missing" : Format("%.*g", digits, figure.measured);
}

}  // namespace

bool Report::AllMet(bool require_peers) const {
  return std::all_of(figures_.begin(), figures_.end(), [&](const Figure& figure) {
    return figure.is_missing ? !require_peers : figure.IsMet();
  });
}

void Report::Print() const {
  for (const std::string& note : notes_) std::printf("%s\n", note.c_str());
  std::printf("\n%-62s %12s  %-6s %-8s %8s\n", "figure", "measured", "unit", "", "limit");
  for (const Figure& figure : figures_) {
    std::printf("%-62s %12s  %-6s %-8s %8.4g%s\n", figure.name.c_str(),
                MeasuredText(figure, 4).c_str(), figure.unit.c_str(), BoundText(figure),
                figure.limit, figure.IsMet() || figure.is_missing ? "" : "  MISSED");
  }
}

void Report::PrintTsv() const {
  for (const Figure& figure : figures_) {
    std::printf("%s\t%s\t%s\t%.6g\n", figure.name.c_str(), MeasuredText(figure, 6).c_str(),
                BoundText(figure), figure.limit);
  }
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string Format(const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  return text;
}

}  // namespace granary::bench
