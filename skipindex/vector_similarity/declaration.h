// The arguments of a vector_similarity index:
//
//   vector_similarity(method, distance[, dimensions][, quantization, M, ef_construction])
//   vector_similarity(method, distance[, dimensions], preset)
//
// The first as ClickHouse takes them, with dimensions (today) and without (before). A preset,
// 'fast', 'balanced' or 'high_recall', stands for the last three. Behind either may come
// `allow_empty = 1`: rows may have an empty array, and are then not in the index.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "granary/skipindex/metric.h"
#include "granary/skipindex/vector_similarity/vector_codes.h"
#include "granary/table/schema.h"

namespace granary {

struct VectorSimilarityDeclaration {
  Metric metric = Metric::kL2;
  std::optional<size_t> dimensions;  // nothing: the first committed vector fixes them
  Quantization quantization = Quantization::kInt8;
  bool quantization_declared = false;
  size_t max_connections = 32;      // M
  size_t construction_width = 128;  // ef_construction
  bool allows_empty = false;

  // Checks arguments and the type of the expression. Throws INCORRECT_QUERY for their number and
  // types, INCORRECT_DATA for their values, ILLEGAL_COLUMN for an expression that is not a column
  // of float arrays.
  static VectorSimilarityDeclaration Parse(const IndexDeclaration& declaration);

  // Every argument, defaults filled in: "vector_similarity('hnsw', 'L2Distance', 100, 'i8', 32,
  // 128)"; allow_empty only where it is 1.
  std::string Description() const;
};

}  // namespace granary
