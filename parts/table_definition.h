// From the definition text in the commit log to a schema with declared indexes, and how the
// dimensions of vector indexes declared without become known.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "granary/parts/part.h"
#include "granary/parts/table_log.h"
#include "granary/skipindex/registry.h"
#include "granary/table/schema.h"

namespace granary {

struct TableDefinition {
  SchemaPtr schema;
  std::vector<DeclaredIndex> indexes;  // in the order of schema->indexes
};

// Declares the indexes of a schema, those named in `dimensions` with these. Throws what
// SkipIndexKind::Declare throws, and INCORRECT_QUERY for an unknown kind.
TableDefinition DeclareTable(const SchemaPtr& schema, const InferredDimensions& dimensions,
                             const SkipIndexRegistry& registry);

// The dimensions in a schema that were inferred.
InferredDimensions DimensionsOf(const Schema& schema);

// Asks `first_length` (of the first vector, if there is one) about each vector index without
// dimensions; what it answers, by index name.
InferredDimensions InferMissing(
    const std::vector<DeclaredIndex>& indexes,
    const std::function<std::optional<size_t>(const VectorSearchAbility&)>& first_length);

}  // namespace granary
