#include "granary/skipindex/metric.h"

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

}  // namespace granary
