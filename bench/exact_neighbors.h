// The exact nearest rows, by plain loops that accumulate in double. Shares no code with the engine,
// so that it can judge it.
#pragma once

#include <cstddef>

#include "granary/bench/vector_file.h"

namespace granary::bench {

enum class ExactDistance { kL2, kCosine };

// For each query the numbers of its `count` nearest rows, nearest first, equal ones by row number.
// The base has at least `count` rows, none of them zero if the distance is cosine. Runs on all
// cores.
RowLists ExactNeighbors(const FloatVectors& base, const FloatVectors& queries,
                        ExactDistance distance, size_t count);

}  // namespace granary::bench
