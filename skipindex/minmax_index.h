// The minmax kind of skip index: smallest and largest value of an expression in each index block,
// which prunes blocks for comparisons of that expression with constants.
#pragma once

#include "granary/skipindex/skip_index.h"

namespace granary {

class MinMaxKind final : public SkipIndexKind {
 public:
  std::string_view name() const override { return "minmax"; }
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings& settings) const override;
};

}  // namespace granary
