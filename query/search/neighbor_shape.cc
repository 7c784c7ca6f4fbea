#include "granary/query/search/neighbor_shape.h"

#include <algorithm>
#include <utility>

#include "granary/query/read/granule_filter.h"

namespace granary {
namespace {

using Kind = ExpressionNode::Kind;

// Whether a distance function stands anywhere in the expression.
bool ContainsDistance(const ExpressionNode& node) {
  if (node.kind() == Kind::kCall && DistanceFunctionNamed(node.name())) return true;
  return std::any_of(node.arguments().begin(), node.arguments().end(),
                     [](const ExpressionNodePtr& argument) { return ContainsDistance(*argument); });
}

}  // namespace

std::optional<NeighborShape> MatchDistance(const ExpressionNode& root) {
  if (root.kind() != Kind::kCall || !DistanceFunctionNamed(root.name())) return std::nullopt;
  for (const size_t side : {0, 1}) {
    const ExpressionNode& column = *root.arguments()[side];
    const ExpressionNode& query = *root.arguments()[1 - side];
    if (column.kind() != Kind::kColumn || query.kind() != Kind::kConstant) continue;
    if (!column.type().is_float_array()) continue;
    return NeighborShape{.function = *DistanceFunctionNamed(root.name()),
                         .column = column.name(),
                         .query = query.constant(),
                         .parameter = query.parameter()};
  }
  return std::nullopt;
}

namespace {

std::string ReasonOf(const NeighborContext& context, const NeighborShape& shape) {
  if (context.aggregated) return "the same SELECT aggregates rows";
  if (context.distinct) return "DISTINCT needs more than the nearest rows";
  if (context.sort_keys > 1) return "ORDER BY has more than one key";
  if (context.limit_by) return "LIMIT BY needs more than the nearest rows";
  if (context.with_ties) return "WITH TIES needs all rows of the last distance";
  if (!context.rows_wanted) return "there is no LIMIT";
  if (context.nulls_first) return "NULLS FIRST asks for the rows without a distance";
  if (context.descending != shape.larger_is_nearer()) {
    return shape.larger_is_nearer() ? "dotProduct is searched with DESC: the largest is nearest"
                                    : "DESC asks for the farthest rows";
  }
  return {};
}

std::string ReasonOf(const VectorSearchAbility& ability, const NeighborShape& shape) {
  if (ability.column != shape.column) return "is over column '" + ability.column + "'";
  if (FunctionOf(ability.metric) != shape.function) {
    return "searches " + std::string(MetricFunction(ability.metric));
  }
  return {};
}

}  // namespace

std::optional<DistanceFunction> DistanceFunctionNamed(const std::string& name) {
  if (name == "L2Distance") return DistanceFunction::kL2;
  if (name == "cosineDistance") return DistanceFunction::kCosine;
  if (name == "dotProduct") return DistanceFunction::kDotProduct;
  if (name == "L2SquaredDistance") return DistanceFunction::kL2Squared;
  return std::nullopt;
}

NeighborMatch MatchNeighborSearch(const CompiledExpressionPtr& first_sort_key,
                                  const NeighborContext& context) {
  const ExpressionNode& root = *first_sort_key->root();
  if (!ContainsDistance(root)) return {};
  if (root.kind() != Kind::kCall || !DistanceFunctionNamed(root.name())) {
    return {std::nullopt, "ORDER BY is an expression around a distance, not the distance itself"};
  }
  std::optional<NeighborShape> shape = MatchDistance(root);
  if (!shape) {
    return {std::nullopt, "the distance is not that of a vector column to a constant vector"};
  }
  shape->distance = first_sort_key;
  std::string reason = ReasonOf(context, *shape);
  if (!reason.empty()) return {std::nullopt, std::move(reason)};
  return {std::move(shape), {}};
}

bool HasVectorIndex(const PartSet& parts) {
  return std::any_of(parts.indexes.begin(), parts.indexes.end(), [](const DeclaredIndex& index) {
    return index.index->vector_search() != nullptr;
  });
}

VectorIndexChoice ChooseVectorIndex(const PartSet& parts, const NeighborShape& shape,
                                    uint64_t rows_wanted, const CompiledExpression* condition,
                                    const QuerySettings& settings) {
  VectorIndexChoice choice;
  for (const DeclaredIndex& index : parts.indexes) {
    const VectorSearchAbility* ability = index.index->vector_search();
    if (ability == nullptr) continue;
    const std::string& name = index.declaration.name;
    const std::string reason = ReasonOf(*ability, shape);
    if (!reason.empty()) {
      choice.reason += (choice.reason.empty() ? "" : ", ") + ("index '" + name + "' " + reason);
    } else if (!IsIndexAllowed(name, settings)) {
      choice.reason = "index '" + name + "' is switched off by the settings";
    } else {
      choice = {&index, {}};
      break;
    }
  }
  if (choice.index == nullptr) {
    if (choice.reason.empty()) choice.reason = "the table has no vector index";
    return choice;
  }
  if (!settings.query_plan_try_use_vector_search) {
    return {nullptr, "query_plan_try_use_vector_search is 0"};
  }
  if (rows_wanted > settings.max_limit_for_vector_search_queries) {
    return {nullptr, "LIMIT + OFFSET is " + std::to_string(rows_wanted) +
                         ", max_limit_for_vector_search_queries is " +
                         std::to_string(settings.max_limit_for_vector_search_queries)};
  }
  if (condition != nullptr) {
    const auto& columns = condition->required_columns();
    if (std::find(columns.begin(), columns.end(), shape.column) != columns.end()) {
      return {nullptr, "WHERE reads the vector column of every row"};
    }
  }
  return choice;
}

}  // namespace granary
