#include "granary/parts/table_definition.h"

#include <utility>

namespace granary {

TableDefinition DeclareTable(const SchemaPtr& schema, const InferredDimensions& dimensions,
                             const SkipIndexRegistry& registry) {
  auto declared = std::make_shared<Schema>(*schema);
  TableDefinition table;
  for (IndexDeclaration& index : declared->indexes) {
    const auto found = dimensions.find(index.name);
    if (found != dimensions.end()) index.inferred_dimensions = found->second;
    table.indexes.push_back({index, registry.Declare(index, declared->settings)});
  }
  table.schema = std::move(declared);
  return table;
}

InferredDimensions DimensionsOf(const Schema& schema) {
  InferredDimensions dimensions;
  for (const IndexDeclaration& index : schema.indexes) {
    if (index.inferred_dimensions) dimensions[index.name] = *index.inferred_dimensions;
  }
  return dimensions;
}

InferredDimensions InferMissing(
    const std::vector<DeclaredIndex>& indexes,
    const std::function<std::optional<size_t>(const VectorSearchAbility&)>& first_length) {
  InferredDimensions inferred;
  for (const DeclaredIndex& index : indexes) {
    const VectorSearchAbility* search = index.index->vector_search();
    if (search == nullptr || search->dimensions) continue;
    const std::optional<size_t> length = first_length(*search);
    if (length) inferred[index.declaration.name] = *length;
  }
  return inferred;
}

}  // namespace granary
