// What compare prints: a line per figure with what was measured and the limit it is held to.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace granary::bench {

enum class Bound { kAtLeast, kAtMost };

struct Figure {
  std::string name;
  double measured = 0;
  std::string unit;  // empty for ratios and recall
  Bound bound = Bound::kAtLeast;
  double limit = 0;
  bool is_missing = false;  // what it is compared with is not there; never met

  bool IsMet() const {
    if (is_missing) return false;
    return bound == Bound::kAtLeast ? measured >= limit : measured <= limit;
  }
};

class Report {
 public:
  void Add(Figure figure) { figures_.push_back(std::move(figure)); }
  // A line that explains figures: versions, sweeps, times.
  void Note(std::string text) { notes_.push_back(std::move(text)); }

  // Figures that are missing count only if they are required.
  bool AllMet(bool require_peers) const;
  // Notes, then a table.
  void Print() const;
  // name, measured or "missing", "at least" or "at most", limit; separated by tabs, a line per
  // figure.
  void PrintTsv() const;

 private:
  std::vector<Figure> figures_;
  std::vector<std::string> notes_;
};

double Median(std::vector<double> values);

// For notes: as printf.
std::string Format(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace granary::bench
