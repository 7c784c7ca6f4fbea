#include "granary/query/search/distance_range.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "granary/query/functions/conversion.h"
#include "granary/query/search/neighbor_shape.h"

namespace granary {
namespace {

// The range of a comparison, its distance on the left or on the right.
std::optional<DistanceRange> RangeOf(const ExpressionNode& condition) {
  const bool is_less = condition.IsCallOf("less") || condition.IsCallOf("lessOrEquals");
  const bool is_greater = condition.IsCallOf("greater") || condition.IsCallOf("greaterOrEquals");
  if (!is_less && !is_greater) return std::nullopt;
  for (const size_t side : {0, 1}) {
    const ExpressionNodePtr& distance = condition.arguments()[side];
    const ExpressionNode& limit = *condition.arguments()[1 - side];
    if (limit.kind() != ExpressionNode::Kind::kConstant || !limit.type().is_number()) continue;
    const std::optional<NeighborShape> shape = MatchDistance(*distance);
    if (!shape || shape->larger_is_nearer() == (is_less == (side == 0))) continue;
    const ColumnPtr value = CastColumn(limit.constant(), TypeId::kFloat64);
    return DistanceRange{.function = shape->function,
                         .column = shape->column,
                         .query = shape->query,
                         .is_double = distance->type().id() == TypeId::kFloat64,
                         .limit = value->ValueAt(0).as_double()};
  }
  return std::nullopt;
}

std::optional<DistanceRange> FindIn(const ExpressionNode& condition) {
  if (!condition.IsCallOf("and")) return RangeOf(condition);
  for (const ExpressionNodePtr& part : condition.arguments()) {
    if (std::optional<DistanceRange> range = FindIn(*part)) return range;
  }
  return std::nullopt;
}

}  // namespace

std::optional<DistanceRange> FindDistanceRange(const CompiledExpression& condition) {
  return FindIn(*condition.root());
}

std::shared_ptr<const RangeRows> RangeRows::Create(const DistanceRange& range, PartSetPtr parts,
                                                   const QuerySettings& settings,
                                                   const DistanceKernels* kernels) {
  for (const DeclaredIndex& index : parts->indexes) {
    const VectorSearchAbility* ability = index.index->vector_search();
    if (ability == nullptr || ability->column != range.column ||
        FunctionOf(ability->metric) != range.function ||
        !IsIndexAllowed(index.declaration.name, settings) ||
        !settings.query_plan_try_use_vector_search) {
      continue;
    }
    DistanceQuery query(range.function, range.column, *range.query, range.is_double, kernels);
    const bool is_usable = ability->dimensions == query.dimensions() && query.is_finite();
    if (!is_usable) return nullptr;
    return std::shared_ptr<const RangeRows>(
        new RangeRows(std::move(query), range.limit, std::move(parts), &index));
  }
  return nullptr;
}

std::optional<std::vector<uint32_t>> RangeRows::Find(const PartPtr& part, GranuleRange granules,
                                                     const TaskContext& task) const {
  const PartIndex* stored = part->FindIndex(*index_);
  const StoredVectors* vectors = part->Vectors(query_.column());
  if (stored == nullptr || vectors == nullptr) return std::nullopt;
  const PresentRows* present = vectors->present();
  std::vector<uint32_t> within;
  std::vector<uint32_t> numbers;  // in the sub-index
  std::vector<uint32_t> keys;
  for (size_t index = 0; index < stored->blocks.size(); ++index) {
    const PartIndexBlock& block = stored->blocks[index];
    const GranuleRange both{std::max(granules.begin, block.granules.begin),
                            std::min(granules.end, block.granules.end)};
    if (both.begin >= both.end) continue;
    const uint64_t first = vectors->VectorOf(part->FirstRow(both.begin));
    numbers.resize(vectors->CountVectors(part->FirstRow(both.begin), part->RowsIn(both)));
    if (numbers.empty()) continue;  // rows without a vector are within no range
    const auto sub_index = part->OpenSubIndex(*index_, index, task);
    if (sub_index == nullptr || !part->IsSubIndexVerified(*index_, index)) return std::nullopt;
    const auto bounds = sub_index->neighbor_searcher()->StartBounds(
        {.vector = query_.floats(), .count = 1, .effort = 1, .kernels = &query_.kernels()});
    if (bounds == nullptr) return std::nullopt;
    const uint64_t first_of_block = vectors->VectorOf(block.first_row);
    std::iota(numbers.begin(), numbers.end(), static_cast<uint32_t>(first - first_of_block));
    keys.resize(numbers.size());
    bounds->Score(numbers, keys.data());
    const uint32_t limit = bounds->KeyLimit(limit_);
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (keys[i] > limit) continue;
      const uint64_t vector = numbers[i] + first_of_block;
      within.push_back(present == nullptr ? static_cast<uint32_t>(vector) : present->RowOf(vector));
    }
  }
  return within;
}

}  // namespace granary
