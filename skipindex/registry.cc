#include "granary/skipindex/registry.h"

#include <fmt/format.h>

#include "granary/skipindex/bloom_filter_index.h"
#include "granary/skipindex/minmax_index.h"
#include "granary/skipindex/set_index.h"
#include "granary/skipindex/vector_similarity/vector_similarity_index.h"

namespace granary {

SkipIndexRegistry SkipIndexRegistry::WithBuiltins() {
  SkipIndexRegistry registry;
  registry.Register(std::make_shared<MinMaxKind>());
  registry.Register(std::make_shared<SetKind>());
  registry.Register(std::make_shared<BloomFilterKind>());
  registry.Register(std::make_shared<VectorSimilarityKind>());
  return registry;
}

void SkipIndexRegistry::Register(std::shared_ptr<const SkipIndexKind> kind) {
  const std::string name(kind->name());
  if (!kinds_.emplace(name, std::move(kind)).second) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("a kind of skip index named '{}' is already registered", name));
  }
}

const SkipIndexKind& SkipIndexRegistry::Get(std::string_view name) const {
  const auto found = kinds_.find(name);
  if (found == kinds_.end()) {
    throw Error(ErrorCode::kIncorrectQuery, fmt::format("unknown index type '{}'; there are: {}",
                                                        name, fmt::join(names(), ", ")));
  }
  return *found->second;
}

std::vector<std::string> SkipIndexRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, kind] : kinds_) names.push_back(name);
  return names;
}

}  // namespace granary
