// The distances that vectors can be searched by.
#pragma once

#include <cstdint>
#include <string_view>

namespace granary {

// Nearer is smaller for kL2 and kCosine, larger for kDotProduct.
enum class Metric : uint8_t { kL2 = 0, kCosine = 1, kDotProduct = 2 };

// The SQL function of a metric: "L2Distance", "cosineDistance", "dotProduct".
std::string_view MetricFunction(Metric metric);

}  // namespace granary
