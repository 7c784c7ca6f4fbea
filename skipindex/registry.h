// The kinds of skip index that a Database knows, by SQL name. A plain value: the caller may add
// kinds of its own before opening a database. Nothing registers itself.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "granary/skipindex/skip_index.h"

namespace granary {

class SkipIndexRegistry {
 public:
  // With the built-in kinds: minmax, vector_similarity.
  static SkipIndexRegistry WithBuiltins();

  // Throws BAD_ARGUMENTS if the name is taken.
  void Register(std::shared_ptr<const SkipIndexKind> kind);
  // Throws INCORRECT_QUERY, which lists the kinds there are.
  const SkipIndexKind& Get(std::string_view name) const;
  // SkipIndexKind::Declare of the kind, for which named arguments have been checked:
  // INCORRECT_QUERY for a name that it does not take, one that comes twice, or an argument without
  // a name behind.
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings& settings) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, std::shared_ptr<const SkipIndexKind>, std::less<>> kinds_;
};

}  // namespace granary
