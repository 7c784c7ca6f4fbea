#include "granary/skipindex/registry.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/skipindex/bloom_filter_index.h"
#include "granary/skipindex/minmax_index.h"
#include "granary/skipindex/set_index.h"
#include "granary/skipindex/vector_similarity/vector_similarity_index.h"

namespace granary {
namespace {

void CheckNames(const SkipIndexKind& kind, const std::vector<IndexArgument>& arguments) {
  const std::vector<std::string_view> known = kind.named_arguments();
  std::vector<std::string_view> given;
  for (const IndexArgument& argument : arguments) {
    const auto fail = [&](const std::string& problem) {
      throw Error(ErrorCode::kIncorrectQuery, fmt::format("{} index: {}", kind.name(), problem));
    };
    if (argument.name.empty()) {
      if (!given.empty()) {
        fail(fmt::format("an argument without a name stands behind '{}'", given.back()));
      }
      continue;
    }
    if (std::find(known.begin(), known.end(), argument.name) == known.end()) {
      fail(
          fmt::format("there is no argument named '{}'{}", argument.name,
                      known.empty() ? "" : fmt::format("; there are: {}", fmt::join(known, ", "))));
    }
    if (std::find(given.begin(), given.end(), argument.name) != given.end()) {
      fail(fmt::format("argument '{}' comes twice", argument.name));
    }
    given.push_back(argument.name);
  }
}

}  // namespace

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

std::shared_ptr<const SkipIndex> SkipIndexRegistry::Declare(const IndexDeclaration& declaration,
                                                            const TableSettings& settings) const {
  const SkipIndexKind& kind = Get(declaration.kind);
  CheckNames(kind, declaration.arguments);
  return kind.Declare(declaration, settings);
}

std::vector<std::string> SkipIndexRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, kind] : kinds_) names.push_back(name);
  return names;
}

}  // namespace granary
