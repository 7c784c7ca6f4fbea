// Recognising a nearest-neighbour search in a query: ORDER BY a distance of a vector column to a
// constant, and LIMIT. Pure: looks at compiled expressions, declarations and settings only.
#pragma once

#include <optional>
#include <string>

#include "granary/parts/table_store.h"
#include "granary/query/expressions/expression_compiler.h"
#include "granary/skipindex/distance/distance.h"
#include "granary/table/settings.h"

namespace granary {

// The function of that canonical name, if it is a distance that can be searched.
std::optional<DistanceFunction> DistanceFunctionNamed(const std::string& name);

// What is searched: the rows whose `function` of `column` and the query vector is best.
struct NeighborShape {
  DistanceFunction function = DistanceFunction::kL2;
  std::string column;
  CompiledExpressionPtr distance;  // the sort key
  ColumnPtr query;                 // the query vector: a column of one row
  std::string parameter;           // the query parameter it comes from, or empty

  // The best rows are those with the largest value.
  bool larger_is_nearer() const { return function == DistanceFunction::kDotProduct; }
};

// The shape of a distance function of a vector column and a constant, in either order, without
// `distance`.
std::optional<NeighborShape> MatchDistance(const ExpressionNode& expression);

// What else of the SELECT decides. All false or nothing for a plain search.
struct NeighborContext {
  size_t sort_keys = 0;
  bool descending = false;
  bool nulls_first = false;
  std::optional<uint64_t> rows_wanted;  // LIMIT + OFFSET
  bool with_ties = false;
  bool limit_by = false;
  bool distinct = false;
  bool aggregated = false;
};

// Either a shape, or why the query is not a nearest-neighbour search. No reason: it has nothing to
// do with one.
struct NeighborMatch {
  std::optional<NeighborShape> shape;
  std::string reason;
};
NeighborMatch MatchNeighborSearch(const CompiledExpressionPtr& first_sort_key,
                                  const NeighborContext& context);

// Either a declared index that can find the rows of the shape, or why there is none.
struct VectorIndexChoice {
  const DeclaredIndex* index = nullptr;
  std::string reason;
};
VectorIndexChoice ChooseVectorIndex(const PartSet& parts, const NeighborShape& shape,
                                    uint64_t rows_wanted, const CompiledExpression* condition,
                                    const QuerySettings& settings);

// Whether any declared index searches vectors: only then reasons are of interest.
bool HasVectorIndex(const PartSet& parts);

}  // namespace granary
