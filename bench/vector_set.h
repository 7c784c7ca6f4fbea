// The vector sets that benchmarks search, with queries and exact answers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "granary/bench/vector_file.h"
#include "granary/skipindex/metric.h"
#include "granary/table/vector_rows.h"

namespace granary::bench {

struct VectorSet {
  std::string name;
  Metric metric = Metric::kL2;
  FloatVectors base;
  FloatVectors queries;
  RowLists truth;  // row numbers in `base`, nearest first, at least 10 per query

  VectorRows base_rows() const;
};

// "glove" or "mnist", from the files that bench/data.sh makes in `directory`.
VectorSet LoadVectorSet(const std::string& directory, const std::string& name);

// examples/data: every 125th word is a query, the others are the base; cosine. The answers are
// computed, which takes less than a second.
VectorSet LoadWords();

// Share of the true 10 nearest rows among the first 10 found, over all queries; found[i] belongs to
// query i.
double RecallAt10(const VectorSet& set, const std::vector<std::vector<uint32_t>>& found);

}  // namespace granary::bench
