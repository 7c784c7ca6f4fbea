// The set(max_values) kind of skip index: the distinct values of an expression in each index block,
// unless there are more than max_values (0: however many there are). It prunes blocks none of whose
// values satisfies the comparisons of that expression with constants, all of them taken together.
#pragma once

#include "granary/skipindex/skip_index.h"

namespace granary {

class SetKind final : public SkipIndexKind {
 public:
  std::string_view name() const override { return "set"; }
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings& settings) const override;
};

}  // namespace granary
