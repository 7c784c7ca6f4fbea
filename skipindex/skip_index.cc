#include "granary/skipindex/skip_index.h"

namespace granary {

std::string_view MetricFunction(Metric metric) {
  switch (metric) {
    case Metric::kL2:
      return "L2Distance";
    case Metric::kCosine:
      return "cosineDistance";
    case Metric::kDotProduct:
      break;
  }
  return "dotProduct";
}

void SkipIndex::CheckRows(const Column&, size_t) const {}

}  // namespace granary
